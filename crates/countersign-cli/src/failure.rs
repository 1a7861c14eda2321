//! How a command ends, and what it says when it cannot do what was asked.

/// The code that a command ends with. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// The answer is yes.
    Yes = 0,
    /// The answer is no.
    No = 1,
    /// The question was wrong: an argument, a file, a secret's form.
    Usage = 2,
    /// There is no answer: a file cannot be read, nobody listens at the address.
    NoAnswer = 3,
}

/// Why a command did not do what was asked. One line, without a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }

    pub(crate) fn no_answer(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::NoAnswer,
            message: message.into(),
        }
    }
}
