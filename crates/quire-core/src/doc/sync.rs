//! One step of Automerge's sync protocol, of which nothing is kept between calls: the peer carries the state.
//!
//! The state is one byte, [`VERSION`], Automerge's own state (the heads that both have), and the changes that came before those they
//! depend on, each with its length before it. It comes back from somebody else and is read as such.

use super::change::{Chunk, ChunkType, push_number};
use super::columns::Reader;
use super::heads::MAX_HEADS;
use super::{Change, ChangeHash, Heads, Limits, Loaded, malformed};
use crate::error::{Error, Result};
use crate::interrupt;
use automerge::sync::{ChunkList, Message, State, SyncDoc};
use std::collections::{BTreeSet, HashMap};

/// What a state begins with.
pub const VERSION: u8 = 1;
/// Most summaries of what a peer has in one message. Automerge sends one.
const MAX_HAVES: usize = 16;
/// Most places of a filter that are looked at for one change. Automerge uses seven.
const MAX_PROBES: usize = 64;
/// Most changes that wait for others.
const MAX_WAITING: usize = 10_000;
/// The least that a chunk has: what it begins with, checksum, type and length.
const LEAST_CHUNK: usize = 10;
const MESSAGE: &str = "sync message is malformed";
const STATE: &str = "sync state is malformed";

/// What a step comes to.
#[derive(Debug)]
pub struct Step {
    /// What to send to the peer; `None` when there is nothing to say.
    pub message: Option<Vec<u8>>,
    /// What the peer is to give with its next message.
    pub state: Vec<u8>,
    /// The heads of the document now.
    pub heads: Heads,
    /// The changes that the peer sent and the document did not have, each after those it depends on. They are in `loaded`, and are to be
    /// stored.
    pub new: Vec<Change>,
}

/// Takes a message of a peer, if there is one, and answers it. An empty `state` begins.
///
/// Errors: `ValidationError` for a message or state that is none, or a change that Automerge refuses; `LimitError` over a limit.
pub fn step(loaded: &mut Loaded, message: Option<&[u8]>, state: &[u8], limits: &Limits) -> Result<Step> {
    let (mut state, mut waiting) = read_state(state, limits)?;
    let mut new = Vec::new();
    if let Some(bytes) = message {
        let mut message = read_message(bytes, limits)?;
        for chunk in std::mem::replace(&mut message.changes, ChunkList::empty()).iter() {
            waiting.extend(changes_of(loaded, chunk, limits)?);
        }
        new = take_ready(loaded, &mut waiting)?;
        loaded.append(&new)?;
        if waiting.len() > MAX_WAITING {
            return Err(Error::limit("too many changes wait for others", MAX_WAITING));
        }
        Limits::at_most(
            "quire.max_doc_bytes",
            limits.max_bytes,
            "too much waits for other changes",
            size_of(&waiting),
        )?;
        loaded.work(MESSAGE, |doc| {
            doc.receive_sync_message(&mut state, message).map_err(|error| malformed(MESSAGE, error))
        })?;
    }
    let mut answer = loaded.work(MESSAGE, |doc| Ok(doc.generate_sync_message(&mut state)))?;
    if let Some(answer) = &mut answer {
        let theirs = Heads::new(state.their_heads.iter().flatten().copied());
        let need = lacking(loaded, &theirs, &waiting);
        if need.iter().any(|hash| !theirs.contains(hash)) {
            // Only what is asked for, then: what follows from a filter has been sent, and waits.
            answer.have = Vec::new();
        }
        answer.need = need.into_iter().collect();
    }
    let mut out = vec![VERSION];
    let shared = state.encode();
    push_number(&mut out, shared.len() as u64);
    out.extend(shared);
    push_number(&mut out, waiting.len() as u64);
    for change in &waiting {
        push_number(&mut out, change.bytes().len() as u64);
        out.extend_from_slice(change.bytes());
    }
    Ok(Step { message: answer.map(Message::encode), state: out, heads: loaded.heads(), new })
}

fn size_of(changes: &[Change]) -> usize {
    changes.iter().map(|change| change.bytes().len()).sum()
}

/// A state, and the changes that wait.
fn read_state(bytes: &[u8], limits: &Limits) -> Result<(State, Vec<Change>)> {
    if bytes.is_empty() {
        return Ok((State::new(), Vec::new()));
    }
    limits.bytes(bytes.len())?;
    let mut reader = Reader::new(STATE, bytes);
    if reader.take(1)? != [VERSION] {
        return Err(reader.error("its version is unknown"));
    }
    let shared = reader.prefixed()?;
    let mut inner = Reader::new(STATE, shared);
    inner.take(1)?;
    if inner.hashes()?.len() > MAX_HEADS * 32 {
        return Err(inner.error("it has too many heads"));
    }
    let state = State::decode(shared).map_err(|error| malformed(STATE, error))?;
    if !state.shared_heads.is_sorted() {
        return Err(reader.error("its heads are not in order"));
    }
    let count = reader.count(MAX_WAITING)?;
    let waiting =
        (0..count).map(|_| Change::read(reader.prefixed()?, limits)).collect::<Result<Vec<Change>>>()?;
    if !reader.is_empty() {
        return Err(reader.error("something is behind it"));
    }
    Ok((state, waiting))
}

/// A message, after what it claims was counted.
fn read_message(bytes: &[u8], limits: &Limits) -> Result<Message> {
    limits.bytes(bytes.len())?;
    let mut reader = Reader::new(MESSAGE, bytes);
    reader.take(1)?;
    for _ in 0..2 {
        if reader.hashes()?.len() > MAX_HEADS * 32 {
            return Err(reader.error("it has too many hashes"));
        }
    }
    for _ in 0..reader.count(MAX_HAVES)? {
        if reader.hashes()?.len() > MAX_HEADS * 32 {
            return Err(reader.error("it has too many hashes"));
        }
        filter(reader.prefixed()?)?;
    }
    let chunks = reader.count(reader.rest().len() / LEAST_CHUNK)?;
    for _ in 0..chunks {
        interrupt::step()?;
        if reader.prefixed()?.len() < LEAST_CHUNK {
            return Err(reader.error("it has an empty change"));
        }
    }
    let message = Message::decode(bytes).map_err(|error| malformed(MESSAGE, error))?;
    let lists =
        [&message.heads, &message.need].into_iter().chain(message.have.iter().map(|have| &have.last_sync));
    if lists.into_iter().any(|hashes| !hashes.windows(2).all(|pair| pair[0] < pair[1])) {
        return Err(reader.error("its hashes are not in order"));
    }
    Ok(message)
}

/// A Bloom filter: entries, bits for each, places of each, bits.
fn filter(bytes: &[u8]) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let mut reader = Reader::new(MESSAGE, bytes);
    let entries = reader.count(u32::MAX as usize)?;
    let bits = reader.count(u32::MAX as usize)?;
    let probes = reader.count(MAX_PROBES)?;
    let length = entries.saturating_mul(bits).div_ceil(8);
    if length > reader.rest().len() || length >= (1 << 28) || entries > 0 && (length == 0 || probes == 0) {
        return Err(reader.error("it has a filter that is none"));
    }
    Ok(())
}

/// The changes of one chunk of a message. One of a whole document is loaded, and what the document here has is left out.
fn changes_of(loaded: &Loaded, bytes: &[u8], limits: &Limits) -> Result<Vec<Change>> {
    interrupt::check()?;
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (chunk, behind) = Chunk::split(MESSAGE, rest)?;
        rest = behind;
        match chunk.kind {
            ChunkType::Change | ChunkType::Deflated => found.push(Change::read(chunk.bytes, limits)?),
            ChunkType::Document => {
                let other = Loaded::read(chunk.bytes, limits)?;
                found.extend(other.changes_after(&loaded.heads(), limits)?);
            }
            ChunkType::Bundle => return Err(malformed(MESSAGE, "it has a bundle")),
        }
    }
    Ok(found)
}

/// Takes out what can be applied, each after those it depends on, and drops what the document has.
fn take_ready(loaded: &Loaded, waiting: &mut Vec<Change>) -> Result<Vec<Change>> {
    let mut by_hash: HashMap<ChangeHash, Change> = HashMap::new();
    for change in waiting.drain(..) {
        interrupt::step()?;
        if !loaded.has(&change.hash()) {
            by_hash.insert(change.hash(), change);
        }
    }
    // How many of its dependencies each lacks, and who waits for whom.
    let mut lacks: HashMap<ChangeHash, usize> = HashMap::new();
    let mut waits: HashMap<ChangeHash, Vec<ChangeHash>> = HashMap::new();
    let mut ready: BTreeSet<ChangeHash> = BTreeSet::new();
    for change in by_hash.values() {
        interrupt::step()?;
        let missing: Vec<&ChangeHash> = change.deps().iter().filter(|dep| !loaded.has(dep)).collect();
        if missing.is_empty() {
            ready.insert(change.hash());
        }
        lacks.insert(change.hash(), missing.len());
        for dep in missing {
            waits.entry(*dep).or_default().push(change.hash());
        }
    }
    let mut order = Vec::new();
    while let Some(hash) = ready.pop_first() {
        order.extend(by_hash.remove(&hash));
        for waiting in waits.remove(&hash).unwrap_or_default() {
            if let Some(left) = lacks.get_mut(&waiting) {
                *left -= 1;
                if *left == 0 {
                    ready.insert(waiting);
                }
            }
        }
    }
    waiting.extend(by_hash.into_values());
    waiting.sort_by_key(Change::hash);
    Ok(order)
}

/// The first change on each way back from the heads of the peer, and from what waits, that is not there.
fn lacking(loaded: &Loaded, theirs: &Heads, waiting: &[Change]) -> BTreeSet<ChangeHash> {
    let by_hash: HashMap<ChangeHash, &Change> =
        waiting.iter().map(|change| (change.hash(), change)).collect();
    let heads = theirs.as_slice().iter().chain(by_hash.keys()).filter(|hash| !by_hash.contains_key(hash));
    let deps = waiting.iter().flat_map(|change| change.deps()).filter(|dep| !by_hash.contains_key(dep));
    heads.chain(deps).filter(|hash| !loaded.has(hash)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests_lib::{Dice, edited, limits, read_all};
    use super::*;
    use crate::error::Code;
    use automerge::AutoCommit;

    /// Syncs a client that keeps its state, as Automerge does, with a server that keeps nothing, until the client has nothing to say.
    fn sync(
        client: &mut AutoCommit,
        server: &mut Loaded,
        state: &mut Vec<u8>,
        kept: &mut State,
    ) -> (usize, Vec<Change>) {
        let (mut rounds, mut new) = (0, Vec::new());
        loop {
            let message = client.sync().generate_sync_message(kept);
            let Some(message) = message else { break };
            rounds += 1;
            assert!(rounds < 20, "it ends");
            let step = step(server, Some(&message.encode()), state, &limits()).expect("a step");
            *state = step.state;
            new.extend(step.new);
            assert_eq!(step.heads, server.heads());
            if let Some(answer) = step.message {
                let answer = Message::decode(&answer).expect("a message");
                client.sync().receive_sync_message(kept, answer).expect("receives");
            }
        }
        (rounds, new)
    }

    #[test]
    fn both_sides_have_the_same_afterwards() {
        let mut dice = Dice::new();
        for _ in 0..8 {
            let mut whole = edited(&mut dice, 30);
            let changes = read_all(&mut whole);
            let [at_client, at_server] = [0; 2].map(|_| dice.throw(changes.len() + 1));
            let mut client = AutoCommit::new();
            client
                .apply_changes(changes[..at_client].iter().map(|change| change.inner().clone()))
                .expect("applies");
            let mut server = Loaded::of(&changes[..at_server]).expect("loads");
            let (mut state, mut kept) = (Vec::new(), State::new());
            let (_, new) = sync(&mut client, &mut server, &mut state, &mut kept);
            assert_eq!(new.len(), at_client.saturating_sub(at_server));
            assert_eq!(server.heads().as_slice(), client.get_heads());
            // The client goes on, and so does the server.
            client.apply_changes(changes.iter().map(|change| change.inner().clone())).expect("applies");
            let (_, new) = sync(&mut client, &mut server, &mut state, &mut kept);
            assert_eq!(server.heads().as_slice(), client.get_heads());
            assert_eq!(new.len(), changes.len() - at_client.max(at_server));
        }
    }

    #[test]
    fn what_comes_before_what_it_depends_on_waits() {
        let mut dice = Dice::new();
        let mut whole = edited(&mut dice, 20);
        let changes = read_all(&mut whole);
        let mut server = Loaded::of(&changes[..1]).expect("loads");
        let heads = whole.get_heads();
        let message = |changes: &[Change]| Message {
            heads: heads.clone(),
            need: Vec::new(),
            have: Vec::new(),
            changes: changes.iter().map(|change| change.bytes().to_vec()).collect::<Vec<_>>().into(),
            flags: None,
            version: automerge::sync::MessageVersion::V1,
        };
        // All but the second one.
        let first =
            step(&mut server, Some(&message(&changes[2..]).encode()), b"", &limits()).expect("a step");
        let asked = Message::decode(&first.message.expect("an answer")).expect("a message").need;
        assert_eq!(asked, [changes[1].hash()]);
        let second = step(&mut server, Some(&message(&changes[1..2]).encode()), &first.state, &limits())
            .expect("a step");
        assert_eq!(first.new.len() + second.new.len(), changes.len() - 1);
        assert_eq!(server.heads().as_slice(), heads);
        assert!(second.state.len() < first.state.len(), "nothing waits");
    }

    #[test]
    fn a_server_may_begin() {
        let mut dice = Dice::new();
        let mut server = Loaded::of(&read_all(&mut edited(&mut dice, 10))).expect("loads");
        let first = step(&mut server, None, b"", &limits()).expect("a step");
        let (mut client, mut kept) = (AutoCommit::new(), State::new());
        let message = Message::decode(&first.message.expect("a message")).expect("a message");
        client.sync().receive_sync_message(&mut kept, message).expect("receives");
        let mut state = first.state;
        sync(&mut client, &mut server, &mut state, &mut kept);
        assert_eq!(server.heads().as_slice(), client.get_heads());
    }

    #[test]
    fn what_claims_too_much_is_refused() {
        let mut server = Loaded::new();
        let hash = [1u8; 32];
        let with_filter = |filter: &[u8]| {
            let mut message = vec![0x42, 1];
            message.extend(hash);
            message.extend([0, 1, 0, filter.len() as u8]);
            message.extend(filter);
            message.push(0);
            message
        };
        // Two places in one entry of ten bits; then four billion places, no bits, more bits than there are.
        assert!(step(&mut server, Some(&with_filter(&[1, 10, 7, 0, 0])), b"", &limits()).is_ok());
        for wrong in [
            with_filter(&[1, 10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]),
            with_filter(&[1, 0, 7]),
            with_filter(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0xff, 0x7f, 7, 0]),
            vec![0x42, 0xff, 0xff, 0xff, 0xff, 0x0f],
            vec![0x42, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f],
            vec![0x42, 0, 0, 0xff, 0xff, 0xff, 0x0f],
            vec![0x42, 0, 0, 0, 1, 0],
            vec![0x41, 0, 0, 0, 0],
            vec![],
        ] {
            let error = step(&mut server, Some(&wrong), b"", &limits()).expect_err("refused");
            assert_eq!(error.code(), Code::Validation, "{wrong:?}: {error}");
        }
        for wrong in
            [&[2u8][..], &[1, 1, 0x42], &[1, 2, 0x43, 0, 1], &[1, 2, 0x43, 0, 0, 0], &[1, 2, 0x43, 1, 0]]
        {
            assert!(step(&mut server, None, wrong, &limits()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_changed_byte_does_no_harm() {
        let mut dice = Dice::new();
        let mut whole = edited(&mut dice, 12);
        let mut kept = State::new();
        let mut peer = Loaded::new();
        let begun = step(&mut peer, None, b"", &limits()).expect("a step").message.expect("a message");
        whole
            .sync()
            .receive_sync_message(&mut kept, Message::decode(&begun).expect("a message"))
            .expect("receives");
        let message = whole.sync().generate_sync_message(&mut kept).expect("a message").encode();
        for _ in 0..300 {
            let mut bytes = message.clone();
            let at = dice.throw(bytes.len());
            bytes[at] = dice.throw(256) as u8;
            let mut server = Loaded::new();
            match step(&mut server, Some(&bytes), b"", &limits()) {
                Ok(step) => assert_eq!(step.heads, Heads::default().advance_all(&step.new)),
                Err(error) => assert!(matches!(error.code(), Code::Validation | Code::Limit), "{error}"),
            }
        }
    }
}
