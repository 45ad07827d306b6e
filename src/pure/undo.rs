//! Taking bundles back: what may be restored, and which bundle is next.
//!
//! Nothing is rewritten: an undo is a bundle of its own that names the one it takes back. Whether a bundle is taken back
//! now follows from the log: it is while some bundle that takes it back is not taken back itself.

use std::collections::HashSet;

/// What is to be done about one thing that a bundle touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is as it was before the bundle.
    Nothing,
    /// It is as the bundle left it: give it back what it was.
    Restore,
    /// It has become something else since.
    Conflict,
}

/// Judges by what a thing was before a bundle, what the bundle made of it, and what it is now.
pub fn judge<S: PartialEq>(before: &S, after: &S, now: &S) -> Verdict {
    if now == before {
        Verdict::Nothing
    } else if now == after {
        Verdict::Restore
    } else {
        Verdict::Conflict
    }
}

/// The bundles that are taken back now, of pairs of a bundle and the older one it takes back.
pub fn undone(pairs: &[(i64, i64)]) -> HashSet<i64> {
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

/// The bundle that undo takes back next: the newest edit that is not taken back. `own` is newest first.
pub fn next_undo(own: impl IntoIterator<Item = (i64, Step)>, undone: &HashSet<i64>) -> Option<i64> {
    own.into_iter().find(|(seq, step)| *step == Step::Edit && !undone.contains(seq)).map(|(seq, _)| seq)
}

/// The undo that redo takes back next: the newest that is not taken back, unless there is a newer edit. `own` is newest
/// first.
pub fn next_redo(own: impl IntoIterator<Item = (i64, Step)>, undone: &HashSet<i64>) -> Option<i64> {
    own.into_iter()
        .take_while(|(_, step)| *step != Step::Edit)
        .find(|(seq, step)| *step == Step::Undo && !undone.contains(seq))
        .map(|(seq, _)| seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log of one author over a line of values, with undo as the functions above tell it.
    #[derive(Default)]
    struct Log {
        bundles: Vec<(Step, Option<i64>, u8, u8)>,
        value: u8,
    }

    impl Log {
        fn own(&self) -> Vec<(i64, Step)> {
            let newest_first = (1..=self.bundles.len() as i64).rev();
            newest_first.map(|seq| (seq, self.bundles[seq as usize - 1].0)).collect()
        }

        fn undone(&self) -> HashSet<i64> {
            let pairs: Vec<(i64, i64)> = (1..)
                .zip(&self.bundles)
                .filter_map(|(seq, (_, undoes, ..))| Some((seq, (*undoes)?)))
                .collect();
            undone(&pairs)
        }

        fn write(&mut self, step: Step, undoes: Option<i64>, value: u8) {
            self.bundles.push((step, undoes, self.value, value));
            self.value = value;
        }

        fn take_back(&mut self, step: Step, seq: i64) {
            let (_, _, before, after) = self.bundles[seq as usize - 1];
            assert_ne!(judge(&before, &after, &self.value), Verdict::Conflict);
            self.write(step, Some(seq), before);
        }

        fn undo(&mut self) -> bool {
            let next = next_undo(self.own(), &self.undone());
            next.inspect(|seq| self.take_back(Step::Undo, *seq)).is_some()
        }

        fn redo(&mut self) -> bool {
            let next = next_redo(self.own(), &self.undone());
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

    #[test]
    fn a_bundle_taken_back_twice_and_given_back_once_stays_taken_back() {
        // 3 and 4 take back 1; 5 takes back 4.
        assert_eq!(undone(&[(3, 1), (4, 1), (5, 4)]), HashSet::from([1, 4]));
        assert_eq!(undone(&[(3, 1), (5, 3)]), HashSet::from([3]));
        assert_eq!(undone(&[(3, 1), (5, 3), (6, 5)]), HashSet::from([1, 5]));
    }
}
