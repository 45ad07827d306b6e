//! Newtypes for identifiers: a raw uuid or integer does not cross a module border where one of these exists. What is stored, hashed or
//! handed out of them is the uuid or the number alone.

use crate::person;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// From one of the forms that uuids are written in.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }

            /// A new, time-ordered id.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        })*
    };
}

/// Hands every id that is a uuid, with its description, to a macro: whoever gives them a form of their own has no list of them.
#[macro_export]
macro_rules! with_uuid_ids {
    ($then:ident) => {
        $then!(
            /// The unit of isolation, permission, ordering and distribution.
            ProjectId,
            /// A user, device or service.
            ActorId,
            /// What a caller gives so that a repeated request is recognised.
            CorrelationId,
            /// A bundle, whatever its seq is in which database.
            BundleId,
            /// A version of a file, which is the operation that made it.
            VersionId,
            /// A conflict about a field.
            ConflictId,
            /// An archive.
            SnapshotId,
            /// A capability token.
            TokenId,
            /// A key that tokens are made with.
            KeyId,
            /// What an application calls a session that tokens belong to.
            SessionId,
            /// A job.
            JobId,
            /// An upload that is not finished.
            UploadId,
            /// A row of the quarantine.
            QuarantineId,
        );
    };
}
with_uuid_ids!(uuid_ids);

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($number:ty)),* $(,)?) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $number);

        impl $name {
            /// The one after it.
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl From<$name> for Value {
            fn from(number: $name) -> Self {
                number.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        })*
    };
}

numbers!(
    /// Version of a path: 1, 2, 3, ... without gaps; 0 is "nothing yet".
    Version(i32),
    /// A path of a project, as a number; given in order of first use.
    FileId(i32),
    /// A document of a project on a branch, as a number: where its first operation is.
    DocId(i64),
    /// Position in a project's log: 1, 2, 3, ... without gaps, in commit order; 0 is "nothing yet".
    Seq(i64),
);

impl Seq {
    /// Before the first bundle.
    pub const ZERO: Seq = Seq(0);
    /// The first bundle.
    pub const FIRST: Seq = Seq(1);
    /// Behind every bundle.
    pub const MAX: Seq = Seq(i64::MAX);

    /// The one before it.
    pub fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// So many bundles later.
    pub fn plus(self, bundles: i64) -> Self {
        Self(self.0.saturating_add(bundles))
    }

    /// In the middle between it and a later one, which is meant when they are neighbours.
    pub fn middle(self, later: Self) -> Self {
        Self(self.0 + (later.0 - self.0 + 1) / 2)
    }

    /// Where a log ends that has as many bundles.
    pub fn of_count(bundles: usize) -> Self {
        Self(i64::try_from(bundles).unwrap_or(i64::MAX))
    }

    /// All of them, from the first one on.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..).map(Self)
    }
}

impl DocId {
    /// Of the document whose first operation is there. A bundle has fewer than 2^20 operations.
    pub fn at(seq: Seq, ordinal: i64) -> Self {
        Self(seq.0 << 20 | ordinal)
    }
}

impl ActorId {
    /// The built-in actor of administrators who are mapped to nobody.
    pub const SYSTEM: ActorId = ActorId(Uuid::nil());
    /// Stands for that of other databases.
    pub const SYSTEM_ELSEWHERE: ActorId = ActorId(person::SYSTEM_ELSEWHERE);

    /// Whether nobody can be it.
    pub fn is_built_in(self) -> bool {
        self == Self::SYSTEM || self == Self::SYSTEM_ELSEWHERE
    }
}
