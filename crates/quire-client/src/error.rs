//! Why a call did not succeed.

use postgres::error::DbError;
use quire_core::code::Code;
use quire_core::reason::Reason;
use serde_json::Value;
use std::fmt;

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call did not succeed.
#[derive(Debug)]
pub enum Error {
    /// The server refused the call.
    Refused(Box<Refusal>),
    /// The server was not reached, or the connection ended.
    Connection(postgres::Error),
    /// The answer has another form than this version of the crate knows.
    Answer(String),
}

/// What the server said when it refused a call.
#[derive(Debug)]
pub struct Refusal {
    /// The SQLSTATE.
    pub sqlstate: String,
    /// The message.
    pub message: String,
    /// What went wrong. None when PostgreSQL, and not quire, refused the call.
    pub code: Option<Code>,
    /// Why the call was refused, where the code alone does not say it.
    pub reason: Option<Reason>,
    /// The JSON of DETAIL with all its members. Null when PostgreSQL refused the call.
    pub detail: Value,
    /// The hint, if there is one.
    pub hint: Option<String>,
    /// The error as the driver returned it.
    pub source: postgres::Error,
}

impl Error {
    /// The refusal, if the server refused the call.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Connection(_) | Self::Answer(_) => None,
        }
    }

    /// What went wrong, if quire refused the call.
    pub fn code(&self) -> Option<Code> {
        self.refusal()?.code
    }

    /// Why quire refused the call, where its code alone does not say it.
    pub fn reason(&self) -> Option<Reason> {
        self.refusal()?.reason
    }

    /// The SQLSTATE, if the server refused the call.
    pub fn sqlstate(&self) -> Option<&str> {
        Some(&self.refusal()?.sqlstate)
    }

    /// The error of the driver, if it is one.
    pub fn as_postgres(&self) -> Option<&postgres::Error> {
        match self {
            Self::Refused(refusal) => Some(&refusal.source),
            Self::Connection(error) => Some(error),
            Self::Answer(_) => None,
        }
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else { return Self::Connection(error) };
        let detail = detail(said);
        let sqlstate = said.code().code().to_owned();
        let word = |member: &str| detail.get(member).and_then(Value::as_str);
        let is_code = |code: &Code| code.sqlstate() == sqlstate && word("code") == Some(code.name());
        let code = Code::ALL.into_iter().find(is_code);
        let reason = Reason::ALL.into_iter().find(|reason| word("reason") == Some(reason.as_str()));
        Self::Refused(Box::new(Refusal {
            message: said.message().to_owned(),
            code,
            reason: reason.filter(|_| code.is_some()),
            hint: said.hint().map(str::to_owned),
            sqlstate,
            detail,
            source: error,
        }))
    }
}

/// PostgreSQL's own DETAIL is no JSON.
fn detail(said: &DbError) -> Value {
    said.detail().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{} (SQLSTATE {})", refusal.message, refusal.sqlstate),
            Self::Connection(error) => write!(f, "the server did not answer: {error}"),
            Self::Answer(what) => write!(f, "the answer is not understood: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.as_postgres().map(|error| error as _)
    }
}
