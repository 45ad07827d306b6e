//! Mode bits of a file.

use crate::error::{Error, Result};
use crate::text::shorten;
use serde::{Serialize, Serializer};

/// Mode bits of a file, as git knows them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// A regular file.
    #[default]
    Regular,
    /// An executable file.
    Executable,
    /// A symbolic link; the content is its target.
    Symlink,
}

impl Mode {
    /// From `100644`, `100755` or `120000`.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "100644" => Ok(Mode::Regular),
            "100755" => Ok(Mode::Executable),
            "120000" => Ok(Mode::Symlink),
            _ => Err(Error::validation("mode must be 100644, 100755 or 120000").with("mode", shorten(text))),
        }
    }

    /// The six digits.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::Regular => "100644",
            Mode::Executable => "100755",
            Mode::Symlink => "120000",
        }
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
