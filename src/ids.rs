//! Newtypes for identifiers. A raw uuid or integer does not cross a module border where one of these exists.

use pgrx::Uuid as PgUuid;
use quire_core::person::SYSTEM_ELSEWHERE;
use std::fmt;
use uuid::Uuid;

/// As PostgreSQL's uuid.
pub fn uuid_to_pg(id: Uuid) -> PgUuid {
    PgUuid::from_bytes(*id.as_bytes())
}

/// From PostgreSQL's uuid.
pub fn uuid_from_pg(id: PgUuid) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub Uuid);

        impl $name {
            /// From PostgreSQL's uuid.
            pub fn from_pg(id: PgUuid) -> Self {
                Self(uuid_from_pg(id))
            }

            /// As PostgreSQL's uuid.
            pub fn pg(self) -> PgUuid {
                uuid_to_pg(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(
    /// The unit of isolation, permission, ordering and distribution.
    ProjectId
);
uuid_id!(
    /// A user, device or service.
    ActorId
);
uuid_id!(
    /// What a caller gives so that a repeated request is recognised.
    CorrelationId
);

impl ActorId {
    /// The built-in actor of administrators who are mapped to nobody.
    pub const SYSTEM: ActorId = ActorId(Uuid::nil());
    /// Stands for that of other databases.
    pub const SYSTEM_ELSEWHERE: ActorId = ActorId(SYSTEM_ELSEWHERE);

    /// Whether nobody can be it.
    pub fn is_built_in(self) -> bool {
        self == Self::SYSTEM || self == Self::SYSTEM_ELSEWHERE
    }
}

impl ProjectId {
    /// A new, time-ordered id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

/// Position in a project's log: 1, 2, 3, ... without gaps, in commit order; 0 is "nothing yet".
pub type Seq = i64;

/// Version of a path: 1, 2, 3, ... without gaps.
pub type Version = i32;

/// A path of a project, as a number; given in order of first use.
pub type FileId = i32;
