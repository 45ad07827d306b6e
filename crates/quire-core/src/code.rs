//! What goes wrong, as a closed list.

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
            Code::Locked => "archived or closed target",
            Code::RateLimit => "rate limited; `retry_after_ms` says how long to wait",
            Code::Corrupt => "stored data is corrupt",
            Code::Internal => "a fault of quire itself",
        }
    }
}
