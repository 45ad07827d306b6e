//! Every setting of quire, in one place. What affects security or cost can be set by superusers only.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
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
    // SAFETY: called once from _PG_init with a NUL-terminated prefix.
    unsafe { pgrx::pg_sys::MarkGUCPrefixReserved(c"quire".as_ptr()) };
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
