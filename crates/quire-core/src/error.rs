//! The error of every quire function: a stable code, a SQLSTATE, a message, a DETAIL object and a HINT.
//!
//! Nothing here knows PostgreSQL; `raise` turns an [`Error`] into an `ereport`.

pub use crate::code::Code;
use crate::reason::Reason;
use serde_json::{Map, Value};
use std::fmt;

/// Shorthand used by the whole crate.
pub type Result<T> = std::result::Result<T, Error>;

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
    pub fn conflict(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message).because(reason)
    }

    /// Says why, where the code alone does not.
    pub fn because(self, reason: Reason) -> Self {
        debug_assert!(reason.codes().contains(&self.code), "{reason:?} is none of {:?}", self.code);
        self.with("reason", reason.as_str())
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

    /// Says that what is wrong is a member of an argument: no argument has its name.
    #[must_use]
    pub fn of_member(mut self) -> Self {
        if let Some(name) = self.detail.remove("argument") {
            self.detail.insert("member".into(), name);
        }
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
    fn a_member_is_no_argument() {
        let error = Error::validation("filename must not be empty").with("argument", "filename").of_member();
        assert_eq!((error.member("argument"), error.member("member")), (None, Some(&"filename".into())));
        assert_eq!(Error::validation("x").of_member(), Error::validation("x"));
    }

    #[test]
    fn detail_is_json_with_code_first_class_members() {
        let error = Error::conflict(Reason::StaleVersion, "file is at version 3").with("version", 3);
        let detail: Value = serde_json::from_str(&error.detail()).expect("detail is JSON");
        assert_eq!(detail["code"], "ConflictError");
        assert_eq!(detail["reason"], "stale_version");
        assert_eq!(detail["version"], 3);
    }
}
