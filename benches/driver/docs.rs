//! Documents against a table with one `bytea` per document that is written anew at each change: typing at the end of texts that have taken
//! more and more changes.

mod query;
mod recorded;

use crate::database::{SIDES, Side, create_project};
use crate::measure::{Sample, alternate, column, timed};
use crate::report::{Row, Section, Unit};
use crate::trace::Trace;
use crate::{Bench, Result};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, ObjId, ObjType, ROOT, ReadDoc};
use postgres::Client;
use quire_core::doc::root::FIRST_CHANGE;
use uuid::Uuid;

/// Changes of one call when the documents are prepared.
const AT_ONCE: usize = 1_000;
/// Changes that are measured, one a call: more where a call is short.
const APPENDED: [usize; 2] = [100, 5];
/// Subscriptions to documents of one project, which its writers must not notice.
const SUBSCRIPTIONS: i32 = 1_000;
/// Writes of one measurement beside them.
const WRITES: usize = 50;

/// A document whose text somebody types.
struct Typed {
    name: String,
    doc: AutoCommit,
    text: ObjId,
    size: usize,
}

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("docs")?;
    let mut client = scratch.client()?;
    let project = create_project(&mut client)?;
    client.batch_execute("CREATE TEMP TABLE doc (name text PRIMARY KEY, bytes bytea NOT NULL)")?;
    let largest = bench.options.scale(100_000, 2_000);
    let mut docs = Vec::new();
    for size in [1_000, 10_000, largest] {
        bench.say(format!("docs: typing {size} characters"));
        let mut typed = Typed::new(size)?;
        typed.store(&mut client, project)?;
        docs.push(typed);
    }
    if let Some(folder) = std::env::var_os("QUIRE_TRACES") {
        bench.say("docs: typing what was recorded".to_owned());
        let mut typed = Typed::recorded(&std::path::Path::new(&folder).join("automerge-paper.json.gz"))?;
        typed.store(&mut client, project)?;
        docs.push(typed);
    }
    let largest = docs.last().map_or(0, |typed| typed.size);
    let (client, docs) = (&std::cell::RefCell::new(client), &std::cell::RefCell::new(docs));
    let mut contenders = SIDES.map(|side| -> crate::measure::Contender {
        Box::new(move |_| {
            let (mut client, mut docs) = (client.borrow_mut(), docs.borrow_mut());
            let mut sample = Sample::new();
            for typed in docs.iter_mut() {
                sample.push(typed.append(&mut client, project, side)?);
            }
            if let Some(typed) = docs.last_mut() {
                sample.push(typed.splice(&mut client, project, side)?);
                sample.push(typed.read(&mut client, project, side)?);
            }
            Ok(sample)
        })
    });
    let samples = alternate(bench, "docs", &mut contenders)?;
    let row = |what: String, index: usize| Row {
        what,
        unit: Unit::Milliseconds,
        quire: column(&samples[0], index),
        baseline: column(&samples[1], index),
        goal: None,
    };
    let sizes = docs.borrow().iter().map(|typed| typed.size).collect::<Vec<_>>();
    let mut rows: Vec<Row> = sizes
        .iter()
        .enumerate()
        .map(|(index, size)| row(format!("apply_doc_changes, one change after {size}"), index))
        .collect();
    rows.push(row(format!("splice_doc_text, one character after {largest}"), sizes.len()));
    rows.push(row(format!("read_doc after {largest}"), sizes.len() + 1));
    bench.say("docs: packing".to_owned());
    let mut superuser = scratch.superuser()?;
    let mut stored = |what: String| -> Result<Row> {
        superuser.batch_execute("VACUUM FULL quire_store.doc_change, quire_store.doc_pack")?;
        let quire = "SELECT (pg_total_relation_size('quire_store.doc_change') + pg_total_relation_size('quire_store.doc_pack'))::float8";
        let mut client = client.borrow_mut();
        client.batch_execute("VACUUM FULL doc")?;
        let baseline: f64 = client.query_one("SELECT pg_total_relation_size('doc')::float8", &[])?.get(0);
        let quire: f64 = superuser.query_one(quire, &[])?.get(0);
        Ok(Row { what, unit: Unit::Bytes, quire: vec![quire], baseline: vec![baseline], goal: None })
    };
    rows.push(stored("changes of all these, indexes included".to_owned())?);
    let spent = timed(|| {
        client.borrow_mut().execute("SELECT quire.pack_docs($1)", &[&project])?;
        Ok(())
    })?;
    rows.push(stored("the same, packed".to_owned())?);
    if let Some(typed) = docs.borrow_mut().last_mut() {
        let mut client = client.borrow_mut();
        let mut both = [Vec::new(), Vec::new()];
        for _ in 0..3 {
            for (side, spent) in SIDES.into_iter().zip(&mut both) {
                spent.push(typed.append(&mut client, project, side)?);
            }
        }
        let [quire, baseline] = both;
        let what = format!("apply_doc_changes, one change after {largest}, packed");
        rows.push(Row { what, unit: Unit::Milliseconds, quire, baseline, goal: None });
    }
    bench.say(format!("docs: writing beside {SUBSCRIPTIONS} subscriptions"));
    rows.push(followed(&mut client.borrow_mut())?);
    rows.extend(query::rows(bench)?);
    if let Some(folder) = std::env::var_os("QUIRE_TRACES") {
        rows.extend(recorded::rows(bench, &std::path::Path::new(&folder).join("automerge-paper.json.gz"))?);
    }
    let notes = vec![
        format!("Writing beside {SUBSCRIPTIONS} subscriptions is compared with quire itself without any."),
        format!("pack_docs took {:.1} s.", spent / 1000.0),
        "Queries are compared with SQL by hand over a table of their JSON, what was recorded with Automerge in memory.".to_owned(),
        "The baseline: UPDATE of a table with one bytea per document by automerge_apply, and automerge_to_json.".to_owned(),
        "One session, so what it edits and reads stays loaded; the baseline loads the document each time.".to_owned(),
    ];
    Ok(Section { title: "Documents".to_owned(), rows, notes })
}

/// Milliseconds of a write to a document of a project with many subscriptions, and of one with none.
fn followed(client: &mut Client) -> Result<Row> {
    let projects = [create_project(client)?, create_project(client)?];
    let subscribe = "SELECT quire.create_subscription($1, 'subscription ' || n, '{\"docs\": {\"where\": {\"path\": \"/n\", \"gt\": 5}}}')
        FROM generate_series(1, $2) n";
    client.execute(subscribe, &[&projects[0], &SUBSCRIPTIONS])?;
    let write = client.prepare("SELECT quire.put_doc($1, 'followed', jsonb_build_object('n', $2::int4))")?;
    let mut both = [Vec::new(), Vec::new()];
    // What is measured first warms up, and is not counted.
    for round in 0..4 {
        for (project, spent) in projects.iter().zip(&mut both) {
            let all = timed(|| {
                (0..WRITES)
                    .try_for_each(|n| client.execute(&write, &[project, &(n as i32 % 10)]).map(drop))?;
                Ok(())
            })?;
            if round > 0 {
                spent.push(all / WRITES as f64);
            }
        }
    }
    let [quire, baseline] = both;
    let what = format!("put_doc beside {SUBSCRIPTIONS} subscriptions to documents");
    Ok(Row { what, unit: Unit::Milliseconds, quire, baseline, goal: Some(0.83) })
}

impl Typed {
    fn new(size: usize) -> Result<Self> {
        let mut doc = AutoCommit::load(&FIRST_CHANGE)?.with_actor(ActorId::from(b"typist".as_slice()));
        let text = doc.put_object(ROOT, "text", ObjType::Text)?;
        doc.commit_with(CommitOptions::default().with_time(0));
        let mut typed = Self { name: format!("typed {size}"), doc, text, size };
        (0..size).try_for_each(|_| typed.type_one().map(drop))?;
        Ok(typed)
    }

    /// A text as it was recorded, one change for each edit.
    fn recorded(file: &std::path::Path) -> Result<Self> {
        let Trace { mut copies, text, edits, .. } = Trace::read(file)?;
        let doc = copies.pop().ok_or("nobody typed")?;
        Ok(Self { name: "recorded".to_owned(), doc, text, size: edits.len() })
    }

    /// Types a character, and gives the change.
    fn type_one(&mut self) -> Result<Vec<u8>> {
        let at = self.doc.length(&self.text);
        self.doc.splice_text(&self.text, at, 0, ["a", "b", " ", "c"][at % 4])?;
        self.doc.commit_with(CommitOptions::default().with_time(0));
        let change = self.doc.get_last_local_change().ok_or("there is no change")?;
        Ok(change.raw_bytes().to_vec())
    }

    /// Puts it into both sides.
    fn store(&mut self, client: &mut Client, project: Uuid) -> Result<()> {
        let changes: Vec<Vec<u8>> =
            self.doc.get_changes(&[]).iter().map(|change| change.raw_bytes().to_vec()).collect();
        for some in changes.chunks(AT_ONCE) {
            client.execute("SELECT quire.apply_doc_changes($1, $2, $3)", &[&project, &self.name, &some])?;
        }
        client.execute("INSERT INTO doc VALUES ($1, $2)", &[&self.name, &self.doc.save()])?;
        Ok(())
    }

    /// Milliseconds of a change, of several that are sent one after the other. The other side has them without being measured.
    fn append(&mut self, client: &mut Client, project: Uuid, side: Side) -> Result<f64> {
        const QUIRE: &str = "SELECT quire.apply_doc_changes($1, $2, ARRAY[$3::bytea])";
        const BASELINE: &str = "UPDATE doc SET bytes = quire.automerge_apply(bytes, $2) WHERE name = $1";
        let count = match side {
            Side::Quire => APPENDED[0],
            Side::Baseline => APPENDED[1],
        };
        let changes = (0..count).map(|_| self.type_one()).collect::<Result<Vec<_>>>()?;
        let spent = match side {
            Side::Quire => timed(|| {
                changes.iter().try_for_each(|change| -> Result<()> {
                    client.execute(QUIRE, &[&project, &self.name, change])?;
                    Ok(())
                })
            })?,
            Side::Baseline => timed(|| {
                changes.iter().try_for_each(|change| -> Result<()> {
                    client.execute(BASELINE, &[&self.name, &vec![change.clone()]])?;
                    Ok(())
                })
            })?,
        };
        match side {
            Side::Quire => client.execute(BASELINE, &[&self.name, &changes])?,
            Side::Baseline => client
                .execute("SELECT quire.apply_doc_changes($1, $2, $3)", &[&project, &self.name, &changes])?,
        };
        Ok(spent / count as f64)
    }

    /// One character at the beginning, by the server's own actor.
    fn splice(&mut self, client: &mut Client, project: Uuid, side: Side) -> Result<f64> {
        if matches!(side, Side::Baseline) {
            return self.append(client, project, side);
        }
        // The first loads the document; it is measured warm.
        let splice = "SELECT quire.splice_doc_text($1, $2, '/text', 0, 0, 'x')";
        client.execute(splice, &[&project, &self.name])?;
        timed(|| {
            client.execute(splice, &[&project, &self.name])?;
            Ok(())
        })
    }

    fn read(&mut self, client: &mut Client, project: Uuid, side: Side) -> Result<f64> {
        timed(|| {
            match side {
                Side::Quire => client.execute("SELECT quire.read_doc($1, $2)", &[&project, &self.name])?,
                Side::Baseline => client.execute(
                    "SELECT quire.automerge_to_json(bytes) FROM doc WHERE name = $1",
                    &[&self.name],
                )?,
            };
            Ok(())
        })
    }
}
