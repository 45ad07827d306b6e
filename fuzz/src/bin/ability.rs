//! What a token allows. Input: two abilities, and a path.

#![no_main]

use fuzz::{accepted, texts};
use libfuzzer_sys::fuzz_target;
use quire_core::ability::{Abilities, Ability, MAX_ABILITY_BYTES, Need};
use quire_core::key::DocKey;
use quire_core::path::FilePath;

fuzz_target!(|data: &[u8]| {
    // No text of PostgreSQL has a NUL, and of a token that has one nothing is known.
    let Some([first, second, path]) = texts(data).filter(|_| !data.contains(&0)) else { return };
    let (Some(first), Some(second)) = (accepted(Ability::parse(first)), accepted(Ability::parse(second)))
    else {
        return;
    };
    for ability in [&first, &second] {
        let text = ability.to_string();
        assert!(text.len() <= MAX_ABILITY_BYTES);
        assert_eq!(Ability::parse(&text).as_ref(), Ok(ability), "it is its text");
        assert!(ability.covers(ability));
    }
    let set: Abilities = [first.clone(), second.clone()].into_iter().collect();
    let texts: Vec<&str> = set.texts().collect();
    assert!(texts.is_sorted() && texts.len() <= 2);
    assert_eq!(Abilities::parse(&texts).as_ref(), Ok(&set));
    assert!(set.covers(&set) && set.covers_one(&first) && set.covers_one(&second));
    if let Ok(path) = FilePath::parse(path) {
        let need = Need::Write(&path);
        // What narrowing a token rests on: whoever covers allows at least as much.
        assert!(
            !first.covers(&second) || first.allows(need) || !second.allows(need),
            "{first} covers {second}"
        );
        assert_eq!(set.allows(need), first.allows(need) || second.allows(need));
    }
    if let Ok(key) = DocKey::main(path) {
        let need = Need::WriteDoc(&key);
        assert!(
            !first.covers(&second) || first.allows(need) || !second.allows(need),
            "{first} covers {second}"
        );
        assert_eq!(set.allows(need), first.allows(need) || second.allows(need));
    }
    for need in [
        Need::ReadFiles,
        Need::ReadEvents,
        Need::ReadAnySnapshot,
        Need::WriteSome,
        Need::ReadDocs,
        Need::WriteSomeDoc,
        Need::WriteBranches,
        Need::WriteAny,
    ] {
        assert!(
            !first.covers(&second) || first.allows(need) || !second.allows(need),
            "{first} covers {second}"
        );
    }
});
