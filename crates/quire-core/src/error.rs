//! The error of every quire function: a stable code, a SQLSTATE, a message, a DETAIL object and a HINT.
//!
//! Nothing here knows PostgreSQL; `raise` turns an [`Error`] into an `ereport`.

use serde_json::{Map, Value};
use std::fmt;

/// Shorthand used by the whole crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, as a closed list. Each condition has one SQLSTATE and one machine-readable name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Bad argument, path or JSON (22023).
    Validation,
    /// A required argument is NULL (22004).
    NullArgument,
    /// Not allowed (42501).
    Unauthorized,
    /// Absent, or hidden from the caller (PT404).
    NotFound,
    /// Stale version, base or duplicate (PT409).
    Conflict,
    /// Collected blob, expired cursor or token target (PT410).
    Gone,
    /// Over a size limit or quota (PT413).
    Limit,
    /// An invariant, schema or signature check failed (PT422).
    Invariant,
    /// Archived or closed target (PT423).
    Locked,
    /// Rate limited (PT429).
    RateLimit,
    /// Stored data is corrupt (XX001).
    Corrupt,
    /// A fault of quire itself, or of the server below it (XX000).
    Internal,
}

impl Code {
    /// Every code, for generated documentation and tests.
    pub const ALL: [Code; 12] = [
        Code::Validation,
        Code::NullArgument,
        Code::Unauthorized,
        Code::NotFound,
        Code::Conflict,
        Code::Gone,
        Code::Limit,
        Code::Invariant,
        Code::Locked,
        Code::RateLimit,
        Code::Corrupt,
        Code::Internal,
    ];

    /// The five characters of the SQLSTATE.
    pub const fn sqlstate(self) -> &'static str {
        match self {
            Code::Validation => "22023",
            Code::NullArgument => "22004",
            Code::Unauthorized => "42501",
            Code::NotFound => "PT404",
            Code::Conflict => "PT409",
            Code::Gone => "PT410",
            Code::Limit => "PT413",
            Code::Invariant => "PT422",
            Code::Locked => "PT423",
            Code::RateLimit => "PT429",
            Code::Corrupt => "XX001",
            Code::Internal => "XX000",
        }
    }

    /// The `code` member of DETAIL.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Validation | Code::NullArgument => "ValidationError",
            Code::Unauthorized => "UnauthorizedError",
            Code::NotFound => "NotFoundError",
            Code::Conflict => "ConflictError",
            Code::Gone => "GoneError",
            Code::Limit => "LimitError",
            Code::Invariant => "InvariantError",
            Code::Locked => "LockedError",
            Code::RateLimit => "RateLimitError",
            Code::Corrupt => "CorruptError",
            Code::Internal => "InternalError",
        }
    }

    /// When it is raised, in one line.
    pub const fn description(self) -> &'static str {
        match self {
            Code::Validation => "bad argument, path or JSON",
            Code::NullArgument => "a required argument is NULL",
            Code::Unauthorized => "not allowed",
            Code::NotFound => "not found, or hidden from the caller",
            Code::Conflict => "stale version or base, duplicate; `reason` says which",
            Code::Gone => "archived or collected content, or an expired cursor or target",
            Code::Limit => "over a size limit or quota; `limit` says which",
            Code::Invariant => "an invariant would be broken",
            Code::Locked => "archived target",
            Code::RateLimit => "rate limited; `retry_after_ms` says how long to wait",
            Code::Corrupt => "stored data is corrupt",
            Code::Internal => "a fault of quire itself",
        }
    }
}

/// An error as a value. Messages are short, lower case, without a full stop, and carry no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    code: Code,
    message: String,
    detail: Map<String, Value>,
    hint: Option<String>,
}

impl Error {
    /// A new error; DETAIL already holds `code`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let mut detail = Map::new();
        detail.insert("code".into(), Value::from(code.name()));
        Self { code, message: message.into(), detail, hint: None }
    }

    /// Bad argument (22023).
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::Validation, message)
    }

    /// A required argument is NULL (22004).
    pub fn null(argument: &str) -> Self {
        Self::new(Code::NullArgument, format!("argument {argument} must not be null"))
            .with("argument", argument)
    }

    /// Absent or hidden (PT404).
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Conflict (PT409) with a finer `reason`.
    pub fn conflict(reason: &str, message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message).with("reason", reason)
    }

    /// Over a limit (PT413); `limit` is what was allowed.
    pub fn limit(message: impl Into<String>, limit: impl Into<Value>) -> Self {
        Self::new(Code::Limit, message).with("limit", limit)
    }

    /// A fault of quire itself (XX000).
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// One of these errors, from what it was reported as. `None` for errors that are not quire's own.
    pub fn from_report(message: &str, detail: &str, hint: Option<&str>) -> Option<Self> {
        let Ok(Value::Object(detail)) = serde_json::from_str(detail) else { return None };
        let name = detail.get("code")?.as_str()?;
        let code = Code::ALL.into_iter().find(|code| code.name() == name)?;
        Some(Self { code, message: message.to_owned(), detail, hint: hint.map(str::to_owned) })
    }

    /// Adds a member to DETAIL.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.into(), value.into());
        self
    }

    /// Sets HINT.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The condition.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// A member of DETAIL.
    pub fn member(&self, key: &str) -> Option<&Value> {
        self.detail.get(key)
    }

    /// DETAIL, one JSON object.
    pub fn detail(&self) -> String {
        Value::Object(self.detail.clone()).to_string()
    }

    /// HINT.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlstates_are_five_characters_of_the_sqlstate_alphabet() {
        for code in Code::ALL {
            let state = code.sqlstate();
            assert_eq!(state.len(), 5, "{state}");
            assert!(state.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()), "{state}");
        }
    }

    #[test]
    fn an_error_comes_back_from_its_report() {
        for code in Code::ALL.into_iter().filter(|code| *code != Code::NullArgument) {
            let error = Error::new(code, "so it is").with("reason", "why").hint("do that");
            let back = Error::from_report(error.message(), &error.detail(), error.hint_text());
            assert_eq!(back, Some(error));
        }
        assert_eq!(Error::from_report("division by zero", "", None), None);
        assert_eq!(Error::from_report("x", r#"{"code": "Other"}"#, None), None);
    }

    #[test]
    fn detail_is_json_with_code_first_class_members() {
        let error = Error::conflict("stale_version", "file is at version 3").with("version", 3);
        let detail: Value = serde_json::from_str(&error.detail()).expect("detail is JSON");
        assert_eq!(detail["code"], "ConflictError");
        assert_eq!(detail["reason"], "stale_version");
        assert_eq!(detail["version"], 3);
    }
}
