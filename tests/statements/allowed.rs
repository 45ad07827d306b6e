//! What may break a rule, and why. What needs it no more has to go from here.

/// Place, what is wrong with it, and the reason.
pub const ALLOWED: &[(&str, &str, &str)] = &[
    // About no single project.
    (
        "gate/store/mod.rs readable_projects SQL",
        "quire_store.membership m: project_id = $1 is missing",
        OF_AN_ACTOR,
    ),
    (
        "gate/store/mod.rs readable_projects SQL",
        "quire_store.project p: project_id = $1 is missing",
        OF_AN_ACTOR,
    ),
    (
        "service/project/store.rs list SQL",
        "quire_store.membership m: project_id = $1 is missing",
        OF_AN_ACTOR,
    ),
    ("service/project/store.rs list SQL", "quire_store.project p: project_id = $1 is missing", OF_AN_ACTOR),
    (
        "service/project/store.rs list SQL",
        "quire_store.project_head h: project_id = $1 is missing",
        OF_AN_ACTOR,
    ),
    (
        "gate/store/mod.rs refresh_names MAKERS",
        "quire_store.token t: project_id = $1 is missing",
        FOR_ADMINISTRATORS,
    ),
    (
        "gate/store/mod.rs refresh_names MAKERS",
        "quire_store.token u: project_id = $1 is missing",
        FOR_ADMINISTRATORS,
    ),
    (
        "service/token/store/secret.rs rotate DELETE",
        "quire_store.token t: project_id = $1 is missing",
        FOR_ADMINISTRATORS,
    ),
    // About two projects.
    ("blob/store.rs copy_present WHOLE", "writes a project_id into quire_store.blob that is not $1", A_COPY),
    (
        "blob/store.rs copy_present CHUNKS",
        "writes a project_id into quire_store.blob_chunk that is not $1",
        A_COPY,
    ),
    // The planner.
    (
        "domain/file/store/mod.rs changed_between SQL",
        "quire_store.file_head p: project_id = $1 is missing",
        BY_ITS_NUMBER,
    ),
    (
        "domain/file/store/mod.rs changed_in SQL",
        "quire_store.file_head p: project_id = $1 is missing",
        BY_ITS_NUMBER,
    ),
    // Rows that are kept as they were found.
    (
        "domain/asset/store/logged.rs strays SQL",
        "quire_store.asset a: a whole row is an argument",
        IN_QUARANTINE,
    ),
    (
        "domain/entity/store/logged.rs strays SQL",
        "quire_store.entity_field e: a whole row is an argument",
        IN_QUARANTINE,
    ),
    (
        "domain/file/store/logged.rs stray_heads SQL",
        "quire_store.file_head h: a whole row is an argument",
        IN_QUARANTINE,
    ),
    (
        "domain/file/store/logged.rs stray_versions SQL",
        "quire_store.project_files f: a whole row is an argument",
        IN_QUARANTINE,
    ),
    (
        "domain/doc/store/logged.rs op_rows SQL",
        "quire_store.doc_op o: a whole row is an argument",
        IN_QUARANTINE,
    ),
    (
        "domain/doc/store/logged.rs stray_head SQL",
        "quire_store.doc_head d: a whole row is an argument",
        IN_QUARANTINE,
    ),
    ("domain/branch/store.rs current SQL", "quire_store.branch b: a whole row is an argument", IN_QUARANTINE),
    ("domain/toy/store.rs strays SQL", "quire_store.toy t: a whole row is an argument", IN_QUARANTINE),
];

const OF_AN_ACTOR: &str = "all projects that somebody may read";
const FOR_ADMINISTRATORS: &str =
    "tokens of all projects, when roles are renamed or keys are made; a call for administrators";
const A_COPY: &str =
    "contents go from project $1 into project $2 as they are stored, without a way through this backend";
const BY_ITS_NUMBER: &str = "compares pairs, so that no other index serves than that of numbers: \
     an equation would have the planner read all heads of a project that has just grown, for each of its files";
const IN_QUARANTINE: &str =
    "a fault is known again by all that its row holds, whatever columns there will be";
