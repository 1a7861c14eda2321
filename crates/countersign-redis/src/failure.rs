//! What kind of failure an error of the driver is.

// docs/decisions.md: D40, D41.

use countersign_core::StoreError;
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// What an error says about the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// It never reached the server, or the server is not serving: nothing was applied.
    Unavailable,
    /// It was sent, and no answer came back: it may have been applied.
    Ambiguous,
    /// The server has no memory for it.
    Full,
    /// The server answered something else.
    Backend,
}

/// The store's error for the driver's.
pub(crate) fn store_error(error: RedisError) -> StoreError {
    match failure(&error) {
        Failure::Unavailable => StoreError::unavailable(error),
        Failure::Ambiguous => {
            // The store's error has no room for it.
            #[cfg(feature = "tracing")]
            tracing::warn!(target: "countersign", %error, "redis may or may not have done it");
            StoreError::timeout()
        }
        Failure::Full => StoreError::full(),
        Failure::Backend => StoreError::backend(error),
    }
}

/// Whether the operation may have been applied although nobody said so.
pub(crate) fn is_ambiguous(error: &RedisError) -> bool {
    failure(error) == Failure::Ambiguous
}

/// Whether nothing was heard from the server, or nothing but that it is not serving.
pub(crate) fn is_unanswered(error: &RedisError) -> bool {
    matches!(failure(error), Failure::Unavailable | Failure::Ambiguous)
}

/// Whether the server has no memory for it.
pub(crate) fn is_full(error: &RedisError) -> bool {
    failure(error) == Failure::Full
}

/// Whether the server has yet to be told the script.
pub(crate) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether the user may not use the command. Servers that do not offer it at all say "unknown".
pub(crate) fn is_not_permitted(error: &RedisError) -> bool {
    let unknown = || {
        let text = error.to_string();
        text.contains("unknown command") || text.contains("unknown subcommand")
    };
    error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
        || error.code() == Some("NOPERM")
        || unknown()
}

fn failure(error: &RedisError) -> Failure {
    match error.kind() {
        // All other errors of a connection may come after something was sent.
        ErrorKind::Io if error.is_connection_refusal() => Failure::Unavailable,
        ErrorKind::Io => Failure::Ambiguous,
        ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::TryAgain,
        ) => Failure::Unavailable,
        _ if error.code() == Some("OOM") => Failure::Full,
        // Before 7.0 an error inside of a script is wrapped in another.
        _ if error.to_string().contains("OOM command not allowed") => Failure::Full,
        _ => Failure::Backend,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_what_was_never_sent_is_unavailable() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, Failure::Unavailable),
            (io::ErrorKind::NotFound, Failure::Unavailable),
            (io::ErrorKind::HostUnreachable, Failure::Ambiguous),
            (io::ErrorKind::BrokenPipe, Failure::Ambiguous),
            (io::ErrorKind::ConnectionReset, Failure::Ambiguous),
            (io::ErrorKind::UnexpectedEof, Failure::Ambiguous),
            (io::ErrorKind::TimedOut, Failure::Ambiguous),
        ] {
            let error = RedisError::from(io::Error::from(kind));
            assert_eq!(failure(&error), expected, "{kind}");
        }
    }
}
