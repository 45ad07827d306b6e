//! Fields of entities against the table and audit trigger a user would write; replay and verification of what results.

use crate::database::{SIDES, Scratch, Side, create_project};
use crate::files;
use crate::measure::{Contender, Sample, alternate, column, median, timed};
use crate::pgbench::{self, FIELD, Run};
use crate::report::{Row, Section, Unit};
use crate::{Bench, Result};
use postgres::Client;
use quire_client::Quire;
use quire_core::hash::Hash;
use serde_json::{Value, json};
use std::hint::black_box;
use uuid::Uuid;

/// Operations of a sample, one a call.
const SINGLE: usize = 1_000;
/// Bundles of a sample, and operations in each.
const BUNDLES: usize = 50;
const IN_BUNDLE: usize = 100;
/// Connections that write at once.
const CLIENTS: usize = 8;
/// Files whose content is verified.
const FILES: usize = 10_000;

/// Measures the section.
pub fn run(bench: &Bench) -> Result<Section> {
    let scratch = bench.server.scratch("entities")?;
    let mut contenders = vec![quire(scratch.client()?)?, baseline(scratch.client()?)?];
    let samples = alternate(bench, "entities", &mut contenders)?;
    drop(contenders);
    let row = |what: &str, index: usize, count: usize| Row {
        what: what.to_owned(),
        unit: Unit::PerSecond,
        quire: column(&samples[0], index).iter().map(|ms| count as f64 / ms * 1000.0).collect(),
        baseline: column(&samples[1], index).iter().map(|ms| count as f64 / ms * 1000.0).collect(),
        goal: Some(0.9),
    };
    let mut rows = vec![
        row("field ops, one a call", 0, SINGLE),
        row("field ops, in bundles of 100", 1, BUNDLES * IN_BUNDLE),
    ];
    let mut client = scratch.client()?;
    for project in 0..CLIENTS {
        let create = "SELECT quire.create_project(name => 'fields', project_uuid => md5($1::text)::uuid)";
        client.execute(create, &[&project.to_string()])?;
    }
    for projects in [1, CLIENTS] {
        rows.push(at_once(bench, &scratch, projects)?);
    }
    bench.say("entities: saving files to verify");
    let project = create_project(&mut client)?;
    let new = files::files(1, FILES);
    files::save(&mut client, Side::Quire, project, &new)?;
    for round in 0..20 {
        commit(&mut client, project, round, 1000)?;
    }
    scratch.vacuum()?;
    let (mut verified, mut hashed, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
    let mut ops = 0.0;
    let bytes: usize = new.iter().map(|file| file.content.len()).sum();
    for round in 1..=bench.options.rounds {
        bench.say(format!("entities: verification {round}"));
        verified.push(timed(|| {
            let report = Quire::new(&mut client).verify_project(project.into(), None)?;
            if report.is_sound { Ok(()) } else { Err(format!("{report:?}").into()) }
        })?);
        hashed.push(timed(|| {
            for file in &new {
                black_box(Hash::of(file.content.as_bytes()));
            }
            Ok(())
        })?);
        replayed.push(timed(|| {
            let report = Quire::new(&mut client).replay_project(project.into(), None)?;
            ops = report.ops as f64;
            if report.is_equal { Ok(()) } else { Err(format!("{report:?}").into()) }
        })?);
    }
    let megabytes = bytes as f64 / 1e6;
    let rate = |times: &[f64]| megabytes / median(times) * 1000.0;
    let notes = vec![
        "The baseline: INSERT ... ON CONFLICT DO UPDATE into an entity-attribute table whose trigger keeps old and new".to_owned(),
        "value and actor; 100 at once from arrays. No log in order, no conflicts, no checksums.".to_owned(),
        format!("Replay: {:.0} operations a second ({ops:.0} operations).", ops / median(&replayed) * 1000.0),
        format!(
            "Verification of {megabytes:.0} MB in {FILES} files and 20000 operations: {:.0} MB/s; BLAKE3 of the same content {:.0} MB/s.",
            rate(&verified),
            rate(&hashed)
        ),
    ];
    rows.push(Row {
        what: "verify_project, against BLAKE3 of the content alone".to_owned(),
        unit: Unit::Milliseconds,
        quire: verified,
        baseline: hashed,
        goal: None,
    });
    Ok(Section { title: "Fields of entities".to_owned(), rows, notes })
}

/// One a call, by clients that share these projects.
fn at_once(bench: &Bench, scratch: &Scratch, projects: usize) -> Result<Row> {
    let what = match projects {
        1 => format!("field ops, one a call, {CLIENTS} clients, one project"),
        _ => format!("field ops, one a call, {CLIENTS} clients, {projects} projects"),
    };
    let variables = [("projects", projects.to_string())];
    let contender = |side: Side| -> Contender {
        let variables = &variables;
        Box::new(move |round| {
            let seconds = if round == 0 { 1 } else { bench.options.seconds };
            let run = Run { script: &FIELD, side, clients: CLIENTS, seconds, variables };
            pgbench::run(bench, scratch, &run)
        })
    };
    let samples = alternate(bench, &what, &mut SIDES.map(contender))?;
    Ok(Row {
        what,
        unit: Unit::PerSecond,
        quire: column(&samples[0], 0),
        baseline: column(&samples[1], 0),
        goal: Some(1.3),
    })
}

fn op(n: usize, round: usize) -> Value {
    json!({"op": "field.set", "entity_type": "task", "entity_id": (n % 500).to_string(), "field": format!("f{}", n % 7),
        "value": format!("value {n} of {round}")})
}

fn commit(client: &mut Client, project: Uuid, round: usize, count: usize) -> Result<()> {
    let ops: Value = (0..count).map(|n| op(n, round)).collect();
    Quire::new(client).commit_bundle(project.into(), &ops, Default::default())?;
    Ok(())
}

fn quire(mut client: Client) -> Result<Contender<'static>> {
    let statement = client.prepare("SELECT quire.commit_bundle($1, $2)")?;
    Ok(Box::new(move |round| {
        let project = create_project(&mut client)?;
        let mut sample: Sample = Vec::new();
        for (bundles, in_bundle) in [(SINGLE, 1), (BUNDLES, IN_BUNDLE)] {
            let bundles: Vec<Value> = (0..bundles)
                .map(|bundle| (0..in_bundle).map(|n| op(bundle * in_bundle + n, round + in_bundle)).collect())
                .collect();
            sample.push(timed(|| {
                for ops in &bundles {
                    client.query_one(&statement, &[&project, ops])?;
                }
                Ok(())
            })?);
        }
        Ok(sample)
    }))
}

fn baseline(mut client: Client) -> Result<Contender<'static>> {
    let single = client
        .prepare("SELECT baseline.set_fields($1, ARRAY[$2], ARRAY[$3], ARRAY[$4], ARRAY[$5::jsonb])")?;
    let many = client.prepare("SELECT baseline.set_fields($1, $2, $3, $4, $5)")?;
    Ok(Box::new(move |round| {
        let project = create_project(&mut client)?;
        let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let ops: Vec<Value> = (0..SINGLE).map(|n| op(n, round + 1)).collect();
        let one_a_call = timed(|| {
            for op in &ops {
                let [kind, id, field] = ["entity_type", "entity_id", "field"].map(|key| text(op, key));
                client.query_one(&single, &[&project, &kind, &id, &field, &op["value"]])?;
            }
            Ok(())
        })?;
        let bundles: Vec<Vec<Value>> = (0..BUNDLES)
            .map(|bundle| (0..IN_BUNDLE).map(|n| op(bundle * IN_BUNDLE + n, round + IN_BUNDLE)).collect())
            .collect();
        let together = timed(|| {
            for ops in &bundles {
                let [kinds, ids, fields] = ["entity_type", "entity_id", "field"]
                    .map(|key| ops.iter().map(|op| text(op, key)).collect::<Vec<String>>());
                let values: Vec<&Value> = ops.iter().map(|op| &op["value"]).collect();
                client.query_one(&many, &[&project, &kinds, &ids, &fields, &values])?;
            }
            Ok(())
        })?;
        Ok(vec![one_a_call, together])
    }))
}
