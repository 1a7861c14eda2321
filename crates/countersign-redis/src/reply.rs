//! What the scripts answer.

use core::time::Duration;

use countersign_core::{
    Claim, Claimed, DeliveryKey, Fence, Fenced, KeyState, Recurrence, StoreError,
};
use redis::Value;

/// What a claim's script answered.
pub(crate) fn claim(value: &Value) -> Result<Claim, StoreError> {
    read_claim(value).ok_or_else(|| unexpected(value))
}

/// What the script of a compare-and-set answered.
pub(crate) fn fenced(value: &Value) -> Result<Fenced, StoreError> {
    Ok(if truth(value)? {
        Fenced::Applied
    } else {
        Fenced::Lost
    })
}

/// Whether a script answered 1 and not 0.
pub(crate) fn truth(value: &Value) -> Result<bool, StoreError> {
    match value {
        Value::Int(0) => Ok(false),
        Value::Int(1) => Ok(true),
        _ => Err(unexpected(value)),
    }
}

/// What the script that reads a key answered.
pub(crate) fn state(value: &Value) -> Result<KeyState, StoreError> {
    Ok(match value {
        Value::Nil => KeyState::Absent,
        Value::Int(-1) => KeyState::Completed,
        Value::Int(left) => match u64::try_from(*left) {
            Ok(left) => KeyState::InFlight {
                remaining: Duration::from_millis(left),
            },
            Err(_) => return Err(unexpected(value)),
        },
        _ => return Err(unexpected(value)),
    })
}

/// The server's time.
pub(crate) fn micros(value: &Value) -> Result<u64, StoreError> {
    let read = || match value {
        Value::Array(parts) => match parts.as_slice() {
            [Value::BulkString(seconds), Value::BulkString(micros)] => number(seconds)?
                .checked_mul(1_000_000)?
                .checked_add(number(micros)?),
            _ => None,
        },
        _ => None,
    };
    read().ok_or_else(|| unexpected(value))
}

fn read_claim(value: &Value) -> Option<Claim> {
    let Value::Array(parts) = value else {
        return None;
    };
    let text = |at: usize| match parts.get(at) {
        Some(Value::BulkString(text)) => Some(text.as_slice()),
        _ => None,
    };
    Some(match text(0)? {
        b"h" => {
            let attempt = u32::try_from(number(text(2)?)?).unwrap_or(u32::MAX);
            Claim::Claimed(Claimed {
                fence: Fence::from_u64(number(text(1)?)?),
                attempt,
                takeover: attempt > 1,
                recurrence: match text(3)? {
                    b"0" => Recurrence::None,
                    b"1" => Recurrence::Repeat,
                    b"2" => Recurrence::Return,
                    _ => return None,
                },
            })
        }
        b"i" => Claim::InFlight {
            on: DeliveryKey::from_bytes(text(1)?.try_into().ok()?),
            remaining: match parts.get(2)? {
                Value::Int(left) => Duration::from_millis(u64::try_from(*left).ok()?),
                _ => return None,
            },
            fingerprint: fingerprint(text(3)?)?,
        },
        b"c" => Claim::Completed {
            fingerprint: fingerprint(text(1)?)?,
        },
        b"s" => Claim::Suppressed,
        _ => return None,
    })
}

fn fingerprint(text: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(text.try_into().ok()?))
}

fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

fn unexpected(value: &Value) -> StoreError {
    StoreError::backend(format!("an answer that no script gives: {value:?}"))
}
