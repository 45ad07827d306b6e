//! What a merge appends: the changes that the target lacks, and where heads are several, one that brings them together.

use super::{ChangeHash, DocChange, Heads};
use crate::error::{Error, Result};
use crate::interrupt;
use std::collections::{HashMap, HashSet};

/// The changes that lead to `heads` and that the target lacks, each after those it depends on, in an order that depends on nothing but
/// the changes. No document is loaded: `deps` gives the dependencies of a change of the source, `None` for one that it does not have;
/// `is_known` says whether the target has a change, and whoever has one has its ancestors.
///
/// Errors: `ValidationError` when the source lacks a change; `LimitError` for more than `most`; what the two functions return.
pub fn missing(
    heads: &Heads,
    mut is_known: impl FnMut(&ChangeHash) -> Result<bool>,
    mut deps: impl FnMut(&ChangeHash) -> Result<Option<Vec<ChangeHash>>>,
    most: usize,
) -> Result<Vec<ChangeHash>> {
    let mut waiting: HashMap<ChangeHash, Vec<ChangeHash>> = HashMap::new();
    let mut known: HashSet<ChangeHash> = HashSet::new();
    let mut order = Vec::new();
    // A change comes twice: to look at what it depends on, and when that is done.
    let mut stack: Vec<(ChangeHash, bool)> =
        heads.as_slice().iter().rev().map(|hash| (*hash, false)).collect();
    while let Some((hash, is_ready)) = stack.pop() {
        interrupt::step()?;
        if is_ready {
            order.push(hash);
            continue;
        }
        if known.contains(&hash) || waiting.contains_key(&hash) {
            continue;
        }
        if is_known(&hash)? {
            known.insert(hash);
            continue;
        }
        if waiting.len() == most {
            return Err(Error::limit("too many changes at once", most));
        }
        let mut below = deps(&hash)?.ok_or_else(|| {
            Error::validation("changes are missing that others depend on")
                .with("missing", vec![hash.to_string()])
        })?;
        below.sort_unstable();
        stack.push((hash, true));
        stack.extend(below.iter().rev().map(|dep| (*dep, false)));
        waiting.insert(hash, below);
    }
    Ok(order)
}

/// Changes, each after those among them that it depends on, in an order that depends on nothing but them.
pub fn in_order(mut changes: HashMap<ChangeHash, DocChange>) -> Result<Vec<DocChange>> {
    let all = Heads::new(changes.keys().copied());
    let is_outside = |hash: &ChangeHash| Ok(!changes.contains_key(hash));
    let deps = |hash: &ChangeHash| Ok(changes.get(hash).map(|change| change.deps().to_vec()));
    let order = missing(&all, is_outside, deps, all.len())?;
    Ok(order.iter().filter_map(|hash| changes.remove(hash)).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::doc::{ActorId, Loaded};
    use crate::error::Code;

    #[test]
    fn what_lacks_is_appended_and_nothing_else() {
        let mut dice = Dice::new();
        for _ in 0..10 {
            let changes = read_all(&mut edited(&mut dice, 40));
            let by_hash: HashMap<ChangeHash, &DocChange> =
                changes.iter().map(|change| (change.hash(), change)).collect();
            let source = Loaded::of(&changes).expect("loads");
            let mut target = Loaded::of(&changes[..dice.throw(changes.len())]).expect("loads");
            let lacks = |most| {
                missing(
                    &source.heads(),
                    |hash| Ok(target.has(hash)),
                    |hash| Ok(by_hash.get(hash).map(|change| change.deps().to_vec())),
                    most,
                )
            };
            let order = lacks(1000).expect("an order");
            let expected = changes.iter().filter(|change| !target.has(&change.hash())).count();
            assert_eq!(order.len(), expected);
            if expected > 0 {
                assert_eq!(lacks(expected - 1).expect_err("too many").code(), Code::Limit);
            }
            assert_eq!(
                target.append(order.iter().map(|hash| by_hash[hash])),
                Ok(expected),
                "none before its own"
            );
            // One change over several heads, the same for whoever makes it.
            let heads = target.heads();
            let actor = ActorId::from(b"server".as_slice());
            let next = target.next_op().expect("a number");
            let merge = DocChange::empty(&actor, 1, next, &heads, 3, None).expect("a change");
            let json = target.to_json(None, &limits());
            target.append([&merge]).expect("appends");
            assert_eq!(target.heads(), Heads::new([merge.hash()]));
            assert_eq!(target.heads(), heads.advance(merge.hash(), merge.deps()));
            assert_eq!(target.to_json(None, &limits()), json);
            assert_eq!(target.next_op(), Ok(next));
        }
    }

    #[test]
    fn what_the_source_lacks_is_said() {
        let [a, b] = [1, 2].map(|byte| ChangeHash([byte; 32]));
        let outcome = missing(&Heads::new([a]), |_| Ok(false), |hash| Ok((*hash == a).then(|| vec![b])), 10);
        assert_eq!(outcome.expect_err("b is missing").member("missing"), Some(&vec![b.to_string()].into()));
        // Hashes cannot be cyclic; whoever says so gets an answer all the same.
        let cycle = missing(
            &Heads::new([a]),
            |_| Ok(false),
            |hash| Ok(Some(vec![if *hash == a { b } else { a }])),
            10,
        );
        assert_eq!(cycle.map(|order| order.len()), Ok(2));
    }
}
