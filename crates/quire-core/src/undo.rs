//! Taking bundles back: what may be restored, and which bundle is next.
//!
//! Nothing is rewritten: an undo is a bundle of its own that names the one it takes back. Whether a bundle is taken back
//! now follows from the log: it is while some bundle that takes it back is not taken back itself.

use crate::id::Seq;
use std::collections::HashSet;

/// What is to be done about one thing that a bundle touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UndoVerdict {
    /// It is as it was before the bundle.
    Nothing,
    /// It is as the bundle left it: give it back what it was.
    Restore,
    /// It has become something else since.
    Conflict,
}

/// Judges by what a thing was before a bundle, what the bundle made of it, and what it is now.
pub fn judge<S: PartialEq>(before: &S, after: &S, now: &S) -> UndoVerdict {
    if now == before {
        UndoVerdict::Nothing
    } else if now == after {
        UndoVerdict::Restore
    } else {
        UndoVerdict::Conflict
    }
}

/// The bundles that are taken back now, of pairs of a bundle and the older one it takes back.
pub fn undone(pairs: &[(Seq, Seq)]) -> HashSet<Seq> {
    let mut newest_first = pairs.to_vec();
    newest_first.sort_unstable_by(|a, b| b.cmp(a));
    let mut undone = HashSet::new();
    for (seq, undoes) in newest_first {
        if !undone.contains(&seq) {
            undone.insert(undoes);
        }
    }
    undone
}

/// What a bundle is to the walk of its author.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// An edit.
    Edit,
    /// An undo.
    Undo,
    /// A redo.
    Redo,
}

/// A bundle of the author whose walk it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Own {
    /// Which.
    pub seq: Seq,
    /// What it is to the walk.
    pub step: Step,
    /// What an undo or a redo takes back.
    pub undoes: Option<Seq>,
    /// What holds again by a redo: what the bundle it takes back had taken back.
    pub gives_back: Option<Seq>,
}

/// How far a walk has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FoundStep {
    /// This is taken back next.
    Bundle(Seq),
    /// It is before this seq, if anywhere.
    Before(Seq),
    /// Nothing is.
    Nothing,
}

/// Looks through bundles of the author, newest first, for what is taken back next: by undo (`Step::Edit` is sought) the newest edit
/// that is not taken back; by redo (`Step::Undo`) the newest undo that is not, unless there is a newer edit. `undone` knows of each of
/// them whether it is taken back, and all bundles taken back out of order are before `in_order_after`.
///
/// What was so when an undo or a redo was made is so until it is itself taken back. At an undo, nothing between it and what it takes
/// back could be undone; at a redo, nothing between it and the undo could be redone, and nothing newer than what it gives back could
/// be undone, but that could. So the walk of redo goes on behind the undo, and that of undo behind what an undo takes back, or is at its
/// end at what a redo gives back, without asking what has ever taken that back: its length does not depend on how often somebody has gone
/// back and forth.
pub fn walk(sought: Step, own: &[Own], undone: &HashSet<Seq>, in_order_after: Seq) -> FoundStep {
    let Some(oldest) = own.last() else { return FoundStep::Nothing };
    let mut before = Seq::MAX;
    let in_order = |seq: &Seq| *seq > in_order_after;
    for Own { seq, step, undoes, gives_back } in own {
        if *seq >= before {
            continue;
        }
        let holds = !undone.contains(seq);
        match (sought, step) {
            (Step::Undo, Step::Edit) => return FoundStep::Nothing,
            _ if *step == sought && holds => return FoundStep::Bundle(*seq),
            (Step::Edit, Step::Undo) | (Step::Undo, Step::Redo) if holds => {
                before = undoes.filter(in_order).unwrap_or(before);
            }
            (Step::Edit, Step::Redo) if holds => {
                if let Some(seq) = gives_back.filter(in_order) {
                    return FoundStep::Bundle(seq);
                }
            }
            _ => {}
        }
    }
    FoundStep::Before(before.min(oldest.seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log of one author over a line of values, with undo as the functions above tell it.
    #[derive(Default)]
    struct Log {
        bundles: Vec<(Step, Option<Seq>, u8, u8)>,
        value: u8,
        in_order_after: Seq,
    }

    /// Where a bundle is among all.
    fn index(seq: Seq) -> usize {
        usize::try_from(seq.before().0).expect("a bundle")
    }

    impl Log {
        fn own(&self) -> Vec<Own> {
            let newest_first = (1..=self.bundles.len()).rev().map(Seq::of_count);
            let undoes = |seq: Seq| self.bundles[index(seq)].1;
            let own = |seq: Seq| Own {
                seq,
                step: self.bundles[index(seq)].0,
                undoes: undoes(seq),
                gives_back: undoes(seq).and_then(undoes),
            };
            newest_first.map(own).collect()
        }

        /// Walks a few bundles at a time.
        fn next(&self, sought: Step) -> Option<Seq> {
            let mut before = Seq::MAX;
            loop {
                let own: Vec<Own> = self.own().into_iter().filter(|own| own.seq < before).take(3).collect();
                match walk(sought, &own, &self.undone(), self.in_order_after) {
                    FoundStep::Bundle(seq) => return Some(seq),
                    FoundStep::Before(seq) => before = seq,
                    FoundStep::Nothing => return None,
                }
            }
        }

        /// The same, one bundle after the other.
        fn next_step_by_step(&self, sought: Step) -> Option<Seq> {
            let undone = self.undone();
            self.own()
                .iter()
                .take_while(|own| sought == Step::Edit || own.step != Step::Edit)
                .find(|own| own.step == sought && !undone.contains(&own.seq))
                .map(|own| own.seq)
        }

        /// Takes anything back, as somebody who reverts a bundle does.
        fn revert(&mut self, seq: Seq) {
            self.write(Step::Edit, Some(seq), self.value);
            self.in_order_after = Seq::of_count(self.bundles.len());
        }

        fn undone(&self) -> HashSet<Seq> {
            let pairs: Vec<(Seq, Seq)> = Seq::all()
                .zip(&self.bundles)
                .filter_map(|(seq, (_, undoes, ..))| Some((seq, (*undoes)?)))
                .collect();
            undone(&pairs)
        }

        fn write(&mut self, step: Step, undoes: Option<Seq>, value: u8) {
            self.bundles.push((step, undoes, self.value, value));
            self.value = value;
        }

        fn take_back(&mut self, step: Step, seq: Seq) {
            let (_, _, before, after) = self.bundles[index(seq)];
            assert_ne!(judge(&before, &after, &self.value), UndoVerdict::Conflict);
            self.write(step, Some(seq), before);
        }

        fn undo(&mut self) -> bool {
            let next = self.next(Step::Edit);
            next.inspect(|seq| self.take_back(Step::Undo, *seq)).is_some()
        }

        fn redo(&mut self) -> bool {
            let next = self.next(Step::Undo);
            next.inspect(|seq| self.take_back(Step::Redo, *seq)).is_some()
        }
    }

    proptest! {
        /// Undoing everything gives the state at the beginning, redoing everything the one at the end.
        #[test]
        fn walks_return(steps in prop::collection::vec(0u8..6, 1..40)) {
            let mut log = Log::default();
            // What an editor with a stack of states would do.
            let (mut past, mut future): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
            for (n, step) in (1u8..).zip(steps) {
                match step {
                    0 => match past.pop() {
                        Some(before) => {
                            future.push(log.value);
                            prop_assert!(log.undo());
                            prop_assert_eq!(log.value, before);
                        }
                        None => prop_assert!(!log.undo()),
                    },
                    1 => match future.pop() {
                        Some(after) => {
                            past.push(log.value);
                            prop_assert!(log.redo());
                            prop_assert_eq!(log.value, after);
                        }
                        None => prop_assert!(!log.redo()),
                    },
                    _ => {
                        past.push(log.value);
                        future.clear();
                        log.write(Step::Edit, None, n);
                    }
                }
            }
            let end = log.value;
            let mut walked = 0;
            while log.undo() {
                walked += 1;
            }
            prop_assert_eq!(log.value, 0);
            for _ in 0..walked {
                prop_assert!(log.redo());
            }
            prop_assert_eq!(log.value, end);
        }
    }

    proptest! {
        /// Whatever has happened, also out of order, the walk that leaves bundles out finds what the one without finds.
        #[test]
        fn nothing_is_left_out(steps in prop::collection::vec((0u8..8, any::<prop::sample::Index>()), 1..60)) {
            let mut log = Log::default();
            for (n, (step, which)) in (1u8..).zip(steps) {
                for sought in [Step::Edit, Step::Undo] {
                    prop_assert_eq!(log.next(sought), log.next_step_by_step(sought));
                }
                let mut take_back = |sought, step| {
                    let next = log.next(sought);
                    next.map(|seq| log.write(step, Some(seq), n))
                };
                match step {
                    0..=2 => drop(take_back(Step::Edit, Step::Undo)),
                    3 | 4 => drop(take_back(Step::Undo, Step::Redo)),
                    5 if !log.bundles.is_empty() => log.revert(Seq::of_count(which.index(log.bundles.len()) + 1)),
                    _ => log.write(Step::Edit, None, n),
                }
            }
        }
    }

    #[test]
    fn a_walk_does_not_grow_with_how_often_somebody_went_back_and_forth() {
        let mut log = Log::default();
        (0..50).for_each(|n| log.write(Step::Edit, None, n));
        for (sought, step) in [(Step::Edit, Step::Undo), (Step::Undo, Step::Redo), (Step::Edit, Step::Undo)] {
            for _ in 0..40 {
                let own: Vec<Own> = log.own().into_iter().take(1).collect();
                let behind = match walk(sought, &own, &log.undone(), Seq::ZERO) {
                    FoundStep::Before(seq) => {
                        log.own().into_iter().filter(|own| own.seq < seq).take(1).collect()
                    }
                    _ => own,
                };
                let FoundStep::Bundle(next) = walk(sought, &behind, &log.undone(), Seq::ZERO) else {
                    panic!("the second look finds it");
                };
                assert_eq!(Some(next), log.next_step_by_step(sought));
                log.write(step, Some(next), 0);
            }
        }
    }

    #[test]
    fn what_a_redo_gave_back_is_undone_next_without_a_look_at_it() {
        let mut log = Log::default();
        log.write(Step::Edit, None, 1);
        for _ in 0..40 {
            let undo = log.next(Step::Edit);
            log.write(Step::Undo, undo, 0);
            let redo = log.next(Step::Undo);
            log.write(Step::Redo, redo, 1);
            // Of the newest bundle alone; that it is not taken back is all there is to know.
            let newest: Vec<Own> = log.own().into_iter().take(1).collect();
            assert_eq!(walk(Step::Edit, &newest, &HashSet::new(), Seq::ZERO), FoundStep::Bundle(Seq::FIRST));
        }
    }

    #[test]
    fn a_bundle_taken_back_twice_and_given_back_once_stays_taken_back() {
        let undone = |pairs: &[(i64, i64)]| {
            let pairs: Vec<(Seq, Seq)> =
                pairs.iter().map(|(seq, undoes)| (Seq(*seq), Seq(*undoes))).collect();
            let mut undone: Vec<Seq> = undone(&pairs).into_iter().collect();
            undone.sort_unstable();
            undone
        };
        // 3 and 4 take back 1; 5 takes back 4.
        assert_eq!(undone(&[(3, 1), (4, 1), (5, 4)]), [1, 4].map(Seq));
        assert_eq!(undone(&[(3, 1), (5, 3)]), [3].map(Seq));
        assert_eq!(undone(&[(3, 1), (5, 3), (6, 5)]), [1, 5].map(Seq));
    }
}
