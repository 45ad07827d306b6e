//! Every setting of quire, in one place. What affects security or cost can be set by superusers only.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use quire_core::doc::DocLimits;
use std::ffi::CString;
use std::time::Duration;

/// Login roles whose `request.jwt.claims` are believed, comma-separated.
static TRUSTED_AUTHENTICATORS: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"authenticator"));
/// zstd level of stored content.
static COMPRESSION_LEVEL: GucSetting<i32> = GucSetting::<i32>::new(3);
/// Most operations one bundle may hold.
static MAX_BUNDLE_OPS: GucSetting<i32> = GucSetting::<i32>::new(65_536);

/// Whether locks are given up before the commit is flushed.
static EARLY_LOCK_RELEASE: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Most memory a call may take, in kilobytes.
static MAX_CALL_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(1 << 20);
/// How long a diff or a merge may search, in milliseconds.
static DIFF_DEADLINE: GucSetting<i32> = GucSetting::<i32>::new(2_000);

/// What the path of a snapshot's URL is appended to.
static PUBLIC_URL: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// The claim that people are called by who have no name of their own.
static DISPLAY_NAME_CLAIM: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// Most bytes of a document's changes, and of what it holds, for that to be kept as JSON; in kilobytes.
static DOC_TIP_BYTES: GucSetting<i32> = GucSetting::<i32>::new(256);
/// Most memory of documents that a backend keeps loaded, in kilobytes.
static DOC_CACHE: GucSetting<i32> = GucSetting::<i32>::new(64 << 10);
/// Most snapshots that are kept of a document.
static DOC_SNAPSHOTS: GucSetting<i32> = GucSetting::<i32>::new(2);
/// After how many changes a document may get a snapshot.
static DOC_SNAPSHOT_CHANGES: GucSetting<i32> = GucSetting::<i32>::new(500);
/// After how many bytes of changes it may get one, in kilobytes.
static DOC_SNAPSHOT_BYTES: GucSetting<i32> = GucSetting::<i32>::new(2 << 10);
/// Most bytes of one change of a document.
static MAX_DOC_CHANGE_BYTES: GucSetting<i32> =
    GucSetting::<i32>::new(DocLimits::DEFAULT.max_change_bytes as i32);
/// Most operations of one change of a document.
static MAX_DOC_CHANGE_OPS: GucSetting<i32> = GucSetting::<i32>::new(DocLimits::DEFAULT.max_change_ops as i32);
/// Most bytes of a document.
static MAX_DOC_BYTES: GucSetting<i32> = GucSetting::<i32>::new(DocLimits::DEFAULT.max_bytes as i32);
/// Most operations of a document.
static MAX_DOC_OPS: GucSetting<i32> = GucSetting::<i32>::new(DocLimits::DEFAULT.max_ops as i32);
/// How deep values of a document may be in one another.
static MAX_DOC_DEPTH: GucSetting<i32> = GucSetting::<i32>::new(DocLimits::DEFAULT.max_depth as i32);
/// Most bytes of JSON that a document is written as, or written from.
static MAX_DOC_JSON_BYTES: GucSetting<i32> = GucSetting::<i32>::new(DocLimits::DEFAULT.max_json_bytes as i32);

/// Most branches that a branch begins with, one above the other.
static MAX_BRANCH_DEPTH: GucSetting<i32> = GucSetting::<i32>::new(16);

/// Registers the settings and reserves the prefix `quire`.
pub fn init() {
    GucRegistry::define_string_guc(
        c"quire.trusted_authenticators",
        c"Login roles whose request.jwt.claims are believed.",
        c"Comma-separated role names. Any session can set request.jwt.claims, so it counts only when session_user is one of these.",
        &TRUSTED_AUTHENTICATORS,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"quire.compression_level",
        c"zstd level of stored content, 1 (fast) to 19 (small).",
        c"Content is stored raw when compression does not make it smaller.",
        &COMPRESSION_LEVEL,
        1,
        19,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"quire.max_bundle_ops",
        c"Most operations one bundle may hold.",
        c"A larger bundle is refused with PT413.",
        &MAX_BUNDLE_OPS,
        1,
        1_000_000,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"quire.early_lock_release",
        c"Whether a transaction that has written a bundle gives its locks up before its commit is flushed to disk.",
        c"The commit is answered when it is flushed all the same, and readers wait for that before they answer.",
        &EARLY_LOCK_RELEASE,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"quire.max_call_memory",
        c"Most memory a call may take.",
        c"A call that needs more is refused with PT413.",
        &MAX_CALL_MEMORY,
        16 << 10,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"quire.diff_deadline",
        c"How long a diff or a merge may look for the smallest difference.",
        c"After that a diff is coarser than it had to be, and a merge returns what is left as a conflict.",
        &DIFF_DEADLINE,
        1,
        3_600_000,
        GucContext::Suset,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_string_guc(
        c"quire.public_url",
        c"Where the API can be reached, such as https://example.org/rest/v1.",
        c"URLs of snapshots are this and /rpc/download_snapshot?token=...",
        &PUBLIC_URL,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"quire.display_name_claim",
        c"The claim of a JWT that its user is called by, such as name, email or user_metadata.full_name.",
        c"Taken when the user writes and has no name of their own. Empty: none.",
        &DISPLAY_NAME_CLAIM,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"quire.max_doc_tip",
        c"Up to how many bytes what a document holds is kept as JSON beside its changes.",
        c"Counts both for its changes and for the JSON. What is not kept is found out by whoever reads.",
        &DOC_TIP_BYTES,
        0,
        16 << 10,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"quire.doc_cache",
        c"Up to how much memory of documents a backend keeps loaded.",
        c"The documents that were not used for the longest time are given up.",
        &DOC_CACHE,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"quire.max_branch_depth",
        c"How many branches of documents may begin with one another.",
        c"A branch of main has depth 1, a branch of that one 2. A deeper one is refused with PT413.",
        &MAX_BRANCH_DEPTH,
        0,
        100,
        GucContext::Suset,
        GucFlags::default(),
    );
    init_doc_snapshots();
    init_doc_limits();
    // SAFETY: called once from _PG_init with a NUL-terminated prefix.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"quire".as_ptr()) };
}

/// Where documents are loaded from.
fn init_doc_snapshots() {
    let define = |name, short, long, setting, (least, most), flags| {
        GucRegistry::define_int_guc(name, short, long, setting, least, most, GucContext::Suset, flags);
    };
    define(
        c"quire.doc_snapshots",
        c"How many snapshots are kept of an Automerge document, so that loading it need not apply all changes.",
        c"The newest ones are kept. 0: none are made.",
        &DOC_SNAPSHOTS,
        (0, 1000),
        GucFlags::default(),
    );
    define(
        c"quire.doc_snapshot_changes",
        c"After how many changes an Automerge document gets a snapshot.",
        c"And after a tenth more than the last one has. Who writes makes one of a document that is loaded, and pack_docs of any.",
        &DOC_SNAPSHOT_CHANGES,
        (1, i32::MAX),
        GucFlags::default(),
    );
    define(
        c"quire.doc_snapshot_bytes",
        c"After how many bytes of changes an Automerge document gets a snapshot.",
        c"As quire.doc_snapshot_changes, for documents of few large changes.",
        &DOC_SNAPSHOT_BYTES,
        (1, i32::MAX),
        GucFlags::UNIT_KB,
    );
}

/// What documents may take. Their depth ends where the readers of JSON end.
fn init_doc_limits() {
    let define = |name, short, long, setting, (least, most), flags| {
        GucRegistry::define_int_guc(name, short, long, setting, least, most, GucContext::Suset, flags);
    };
    let (bytes, ops) = ((1 << 10, i32::MAX), (1, i32::MAX));
    define(
        c"quire.max_doc_change_bytes",
        c"Most bytes of one change of an Automerge document.",
        c"They are counted before the change is compressed. A larger change is refused with PT413.",
        &MAX_DOC_CHANGE_BYTES,
        bytes,
        GucFlags::UNIT_BYTE,
    );
    define(
        c"quire.max_doc_change_ops",
        c"Most operations of one change of an Automerge document.",
        c"A change with more is refused with PT413.",
        &MAX_DOC_CHANGE_OPS,
        ops,
        GucFlags::default(),
    );
    define(
        c"quire.max_doc_bytes",
        c"Most bytes of an Automerge document.",
        c"They are counted before the document is compressed. A larger document is refused with PT413.",
        &MAX_DOC_BYTES,
        bytes,
        GucFlags::UNIT_BYTE,
    );
    define(
        c"quire.max_doc_ops",
        c"Most operations of an Automerge document.",
        c"A document with more is refused with PT413.",
        &MAX_DOC_OPS,
        ops,
        GucFlags::default(),
    );
    define(
        c"quire.max_doc_depth",
        c"How deep values of an Automerge document may be in one another.",
        c"What is nested more deeply is refused with PT413.",
        &MAX_DOC_DEPTH,
        (1, 127),
        GucFlags::default(),
    );
    define(
        c"quire.max_doc_json_bytes",
        c"Most bytes of JSON that an Automerge document is written as or made of.",
        c"Each value counts 32 bytes besides its text. Larger JSON is refused with PT413.",
        &MAX_DOC_JSON_BYTES,
        bytes,
        GucFlags::UNIT_BYTE,
    );
}

/// The roles whose sessions may vouch for JWT claims, separated by commas.
pub fn trusted_authenticators() -> String {
    TRUSTED_AUTHENTICATORS.get().map(|list| list.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The claim that people are called by, if any.
pub fn display_name_claim() -> Option<String> {
    let claim = DISPLAY_NAME_CLAIM.get()?.to_string_lossy().trim().to_owned();
    Some(claim).filter(|claim| !claim.is_empty())
}

/// Where the API can be reached, without a slash at its end.
pub fn public_url() -> String {
    let url = PUBLIC_URL.get().map(|url| url.to_string_lossy().into_owned()).unwrap_or_default();
    url.trim_end_matches('/').to_owned()
}

/// zstd level of stored content.
pub fn compression_level() -> i32 {
    COMPRESSION_LEVEL.get()
}

/// Most operations one bundle may hold.
pub fn max_bundle_ops() -> usize {
    usize::try_from(MAX_BUNDLE_OPS.get()).unwrap_or(usize::MAX)
}

/// Whether locks are given up before the commit is flushed.
pub fn early_lock_release() -> bool {
    EARLY_LOCK_RELEASE.get()
}

/// Most memory a call may take, in bytes.
pub fn max_call_memory() -> usize {
    usize::try_from(MAX_CALL_MEMORY.get()).unwrap_or_default().saturating_mul(1024)
}

/// How long a diff or a merge may search.
pub fn diff_deadline() -> Duration {
    Duration::from_millis(u64::try_from(DIFF_DEADLINE.get()).unwrap_or_default())
}

/// Up to how many bytes what a document holds is kept.
pub fn doc_tip_bytes() -> i64 {
    i64::from(DOC_TIP_BYTES.get()) * 1024
}

/// Most memory of documents that are kept loaded, in bytes.
pub fn doc_cache_bytes() -> usize {
    usize::try_from(DOC_CACHE.get()).unwrap_or_default().saturating_mul(1024)
}

/// How many snapshots of a document are kept.
pub fn doc_snapshots() -> i64 {
    DOC_SNAPSHOTS.get().into()
}

/// After how many changes, or bytes of changes, a document may get a snapshot.
pub fn doc_snapshot_after() -> (i64, i64) {
    (DOC_SNAPSHOT_CHANGES.get().max(1).into(), i64::from(DOC_SNAPSHOT_BYTES.get().max(1)) * 1024)
}

/// Most branches that a branch begins with, itself included.
pub fn max_branch_depth() -> usize {
    usize::try_from(MAX_BRANCH_DEPTH.get()).unwrap_or_default()
}

/// What a change, a document and what is made of it may take.
pub fn doc_limits() -> DocLimits {
    let most = |setting: &GucSetting<i32>| usize::try_from(setting.get()).unwrap_or_default();
    DocLimits {
        max_change_bytes: most(&MAX_DOC_CHANGE_BYTES),
        max_change_ops: most(&MAX_DOC_CHANGE_OPS),
        max_bytes: most(&MAX_DOC_BYTES),
        max_ops: most(&MAX_DOC_OPS),
        max_depth: most(&MAX_DOC_DEPTH),
        max_json_bytes: most(&MAX_DOC_JSON_BYTES),
    }
}
