//! Where the bytes of a content are.

/// The states of a blob. Numbers are stored and words handed out; new ones may be added, none may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlobState {
    /// Here.
    Present = 0,
    /// With an owner, who can bring them back.
    Archived = 1,
    /// Nowhere: nothing needed them.
    Collected = 2,
    /// Here, and corrupt; the reason is the entry in quarantine.
    Quarantined = 3,
}

impl BlobState {
    /// All of them, in the order of their numbers.
    pub const ALL: [BlobState; 4] =
        [BlobState::Present, BlobState::Archived, BlobState::Collected, BlobState::Quarantined];

    /// That of a stored number.
    pub fn of(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// As it is stored.
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// As it is handed out.
    pub const fn as_str(self) -> &'static str {
        match self {
            BlobState::Present => "present",
            BlobState::Archived => "archived",
            BlobState::Collected => "collected",
            BlobState::Quarantined => "quarantined",
        }
    }
}

#[test]
fn numbers_are_places() {
    for (number, state) in (0..).zip(BlobState::ALL) {
        assert_eq!((state.number(), BlobState::of(number)), (number, Some(state)));
    }
    assert_eq!((BlobState::of(-1), BlobState::of(4)), (None, None));
}
