//! What operations lead to. Input: operations, of which the first are done before the others.

#![no_main]

use fuzz::{json, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::id::Seq;
use quire_core::op::{Op, State};

/// Does what can be done.
fn done(state: &State, ops: &[Op]) -> State {
    ops.iter().fold(state.clone(), |state, op| {
        let mut next = state.clone();
        match next.apply(Seq::FIRST, op) {
            Ok(()) => next,
            Err(why) => {
                assert!(!why.is_empty());
                state
            }
        }
    })
}

fuzz_target!(|data: &[u8]| {
    let ops: Vec<Op> = pieces(data).filter_map(json).filter_map(|op| Op::parse("op", &op).ok()).collect();
    let (first, second) = ops.split_at(ops.len() / 2);
    let before = done(&State::default(), first);
    let after = done(&before, second);
    assert_eq!(after, done(&State::default(), &ops), "what is done in two parts is the same");
    for (from, to) in [(&before, &after), (&after, &before), (&State::default(), &after)] {
        let changes = from.difference(to);
        assert_eq!(changes.is_empty(), from == to);
        // Of documents and branches a difference says which, and no operation makes it.
        if [from, to].iter().any(|state| !state.docs.is_empty() || !state.branches.is_empty()) {
            continue;
        }
        // What makes one state another consists of operations, each of which is possible; what goes away goes first.
        let mut state = from.clone();
        for change in &changes {
            let op = change.op();
            assert_eq!(op.content(), change.content());
            state.apply(Seq::FIRST, &op).unwrap_or_else(|why| panic!("{op:?} is not possible: {why}"));
        }
        assert_eq!(&state, to);
        assert!(state.difference(to).is_empty());
    }
});
