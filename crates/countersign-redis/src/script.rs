//! The scripts, one an operation, and how they are run.

use std::sync::LazyLock;

use redis::{Cmd, RedisError, Script, Value, aio::ConnectionLike};

use crate::failure;

/// A script that the server knows by its hash once it has seen it.
pub(crate) struct Lua {
    code: &'static str,
    hash: String,
}

macro_rules! scripts {
    ($($name:ident: $file:literal;)+) => {$(
        pub(crate) static $name: LazyLock<Lua> =
            LazyLock::new(|| Lua::new(concat!(include_str!("lua/row.lua"), include_str!($file))));
    )+};
}

scripts! {
    CLAIM: "lua/claim.lua";
    EXTEND: "lua/extend.lua";
    COMPLETE: "lua/complete.lua";
    RELEASE: "lua/release.lua";
    FORGET: "lua/forget.lua";
    STATE: "lua/state.lua";
}

pub(crate) static TIME: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/time.lua")));

/// A script with its keys and arguments.
pub(crate) struct Call<'a> {
    script: &'static Lua,
    keys: &'a [&'a [u8]],
    args: &'a [&'a [u8]],
    set: Option<Cmd>,
}

impl Lua {
    fn new(code: &'static str) -> Self {
        Self {
            code,
            hash: Script::new(code).get_hash().to_owned(),
        }
    }

    pub(crate) fn call<'a>(&'static self, keys: &'a [&'a [u8]], args: &'a [&'a [u8]]) -> Call<'a> {
        Call {
            script: self,
            keys,
            args,
            set: None,
        }
    }
}

impl Call<'_> {
    /// Sets a key instead, when there is nothing under it. Then the answer is that it is set.
    pub(crate) fn unless_set(mut self, key: &[u8], value: Vec<u8>, millis: &str) -> Self {
        let mut set = Cmd::with_capacity(6, key.len().saturating_add(value.len()));
        set.arg("SET").arg(key).arg(value);
        set.arg("NX").arg("PX").arg(millis);
        self.set = Some(set);
        self
    }

    /// Runs the script; where the server does not know it yet, by sending it along.
    pub(crate) async fn run(
        &self,
        connection: &mut impl ConnectionLike,
    ) -> Result<Value, RedisError> {
        if let Some(set) = &self.set {
            match answer(connection, set).await {
                Ok(Value::Nil) => {}
                // A full server does not even look; the script says what is known.
                Err(error) if failure::is_full(&error) => {}
                answer => return answer,
            }
        }
        let by_hash = self.command("EVALSHA", &self.script.hash);
        match answer(connection, &by_hash).await {
            Err(error) if failure::is_unknown_script(&error) => {
                answer(connection, &self.command("EVAL", self.script.code)).await
            }
            answer => answer,
        }
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let parts = self.keys.len().saturating_add(self.args.len());
        let mut command = Cmd::with_capacity(parts.saturating_add(3), script.len());
        command.arg(name).arg(script).arg(self.keys.len());
        for part in self.keys.iter().chain(self.args) {
            command.arg(part);
        }
        command
    }
}

/// A command's answer, where an error that the server sent is an error too.
pub(crate) async fn answer(
    connection: &mut impl ConnectionLike,
    command: &Cmd,
) -> Result<Value, RedisError> {
    connection
        .req_packed_command(command)
        .await?
        .extract_error()
}

#[cfg(test)]
mod tests {
    use countersign_core::store::{KEPT_AFTER_LEASE, ROWS_OF_AN_ALIAS};

    #[test]
    fn the_scripts_keep_as_much_and_for_as_long_as_the_contract_says() {
        let (hour, rows) = (KEPT_AFTER_LEASE.as_millis(), ROWS_OF_AN_ALIAS);
        let constants = format!("local HOUR, ROWS_OF_AN_ALIAS = {hour}, {rows}\n");
        assert!(include_str!("lua/row.lua").contains(&constants));
    }
}
