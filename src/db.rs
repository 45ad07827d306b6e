//! The only SPI code. Statements are `&'static str`s of a `store.rs`; their plans are kept per backend. A statement about many
//! things is planned anew: a plan that was kept from when its tables were small would read all of them for each thing.
//!
//! [`read`] takes no transaction id, so it works on a hot standby. It sees the caller's snapshot until the transaction has
//! an id, which the head lock gives it; from then on, like [`write`], it sees everything committed before it. That is
//! what a statement under the head lock needs.

mod answer;
mod by_shape;
pub mod clock;
mod columns;
pub mod dirty;
pub mod early_release;
mod explain;
pub mod handed_out;
mod object_lock;
pub mod rows;
mod value;

pub use answer::Answer;
pub use explain::plan_of;
pub use object_lock::ObjectLock;
pub use value::Value;

use crate::memory::{Held, Watch};
use by_shape::ByShape;
use columns::Columns;
use pgrx::datum::{DatumWithOid, FromDatum, IntoDatum};
use pgrx::pg_sys::{self, PgOid};
use pgrx::spi::{OwnedPreparedStatement, PreparedStatement, Spi, SpiClient, SpiError};
use quire_core::error::{Error, Result};
use quire_core::hash::Hash;
use quire_core::interrupt;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString};

/// Elements of an argument from which on a statement is about many things.
const MANY: i32 = 500;

/// One argument of a statement.
pub type Arg<'a> = DatumWithOid<'a>;

/// One row of a result, whose columns are read by their names. What is read from it lives in the statement's memory and must be made
/// Rust's own before it ends: pgrx would copy it into the transaction's memory, where it stays.
pub struct Row<'a> {
    tuple: pg_sys::HeapTuple,
    columns: &'a Columns,
    /// What the names begin with.
    part: &'static str,
}

impl<'a> Row<'a> {
    /// The next row of a result.
    fn of(tuple: pg_sys::HeapTuple, columns: &'a Columns) -> Self {
        columns.rewind();
        Self { tuple, columns, part: "" }
    }

    /// The columns whose names begin so, by what comes behind: of a row that tells the same of several things.
    pub fn part(&self, part: &'static str) -> Row<'a> {
        Row { part, ..*self }
    }

    /// Whether a column is not NULL.
    pub fn has(&self, column: &'static str) -> Result<bool> {
        let number = self.columns.number(self.part, column)?;
        let mut is_null = true;
        // SAFETY: as in `opt`; the value is not read.
        unsafe { pg_sys::SPI_getbinval(self.tuple, self.columns.shape, number, &mut is_null) };
        Ok(!is_null)
    }

    /// A hash, as far as the stored bytes make one.
    pub fn hash_if_any(&self, column: &'static str) -> Result<Option<Hash>> {
        Ok(self.opt::<&[u8]>(column)?.and_then(|bytes| Hash::from_bytes(bytes).ok()))
    }

    /// A column that may be NULL.
    pub fn opt<T: Value>(&self, column: &'static str) -> Result<Option<T>> {
        let number = self.columns.number(self.part, column)?;
        let mut is_null = true;
        // SAFETY: whoever made it keeps the row and its shape; SPI checks the column's number, and the type is checked before
        // the value is read as one.
        let stored = unsafe {
            let oid = pg_sys::SPI_gettypeid(self.columns.shape, number);
            if !T::Stored::is_compatible_with(oid) {
                return Err(Error::internal(format!("column {}{column} has another type", self.part)));
            }
            let datum = pg_sys::SPI_getbinval(self.tuple, self.columns.shape, number, &mut is_null);
            T::Stored::from_polymorphic_datum(datum, is_null, oid)
        };
        stored.map(T::from_stored).transpose()
    }

    /// A column that is never NULL.
    pub fn get<T: Value>(&self, column: &'static str) -> Result<T> {
        self.opt(column)?.ok_or_else(|| Error::internal(format!("column {}{column} is null", self.part)))
    }
}

thread_local! {
    /// Within [`latest`].
    static SEES_LATEST: Cell<bool> = const { Cell::new(false) };
    static PLANS: RefCell<HashMap<(usize, usize, bool), &'static OwnedPreparedStatement>> = RefCell::default();
}

/// Whether every statement of this transaction sees the state of its beginning: REPEATABLE READ and SERIALIZABLE.
pub fn sees_older_state() -> bool {
    // SAFETY: plain read of backend state.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32 }
}

/// Locks a table of quire's against everybody but readers until the end of the transaction, if nobody has to be waited for.
pub fn lock_alone_if_free(table: &CStr) -> bool {
    let table = table_oid(table);
    // SAFETY: the table is there; the lock goes with the (sub)transaction.
    table != pg_sys::InvalidOid
        && unsafe { pg_sys::ConditionalLockRelationOid(table, pg_sys::ExclusiveLock as pg_sys::LOCKMODE) }
}

/// A table of quire's; `InvalidOid` when there is none of this name.
pub fn table_oid(table: &CStr) -> pg_sys::Oid {
    // SAFETY: syscache look-ups by NUL-terminated names.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"quire_store".as_ptr(), true);
        pg_sys::get_relname_relid(table.as_ptr(), schema)
    }
}

/// Whether this event is the end of a transaction in this backend: committed, rolled back or prepared.
pub fn ends_transaction(event: pg_sys::XactEvent::Type) -> bool {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE)
}

/// Refuses what may write where nothing can be written (25006), also when it happens to write nothing.
pub fn require_writable() {
    // SAFETY: the command's name is NUL-terminated; the error is PostgreSQL's own.
    unsafe { pg_sys::PreventCommandIfReadOnly(c"this function".as_ptr()) };
}

/// Does `work`, whose readers see what is committed now, whatever the transaction sees.
pub fn latest<R>(work: impl FnOnce() -> R) -> R {
    struct Shows;
    impl Drop for Shows {
        fn drop(&mut self) {
            SEES_LATEST.set(false);
        }
    }
    SEES_LATEST.set(true);
    let _shows = Shows;
    work()
}

/// Whether readers see what is committed now.
pub fn sees_latest() -> bool {
    SEES_LATEST.get()
}

/// Runs `work` and gives back the memory that PostgreSQL took for it. What comes out must be Rust's own.
pub fn in_passing<R>(work: impl FnOnce() -> R) -> R {
    // SAFETY: the context is a child of the current one, so that an error frees it, too; `work` hands out nothing in it.
    unsafe { pgrx::PgMemoryContexts::new("quire passing").switch_to(|_| work()) }
}

/// Runs a reader and maps its rows.
pub fn read<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Vec<R>> {
    run(sql, args, false, map)
}

/// Runs a statement that writes or locks and maps the rows it returns.
pub fn write<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Vec<R>> {
    run(sql, args, true, map)
}

/// The first row of a reader, if any.
pub fn read_one<R>(sql: &'static str, args: &[Arg], map: impl FnMut(&Row) -> Result<R>) -> Result<Option<R>> {
    Ok(read(sql, args, map)?.into_iter().next())
}

/// The first row a writer returns, if any.
pub fn write_one<R>(
    sql: &'static str,
    args: &[Arg],
    map: impl FnMut(&Row) -> Result<R>,
) -> Result<Option<R>> {
    Ok(write(sql, args, map)?.into_iter().next())
}

/// Whether a reader finds a row.
pub fn finds(sql: &'static str, args: &[Arg]) -> Result<bool> {
    Ok(!read(sql, args, |_| Ok(()))?.is_empty())
}

/// Whether a writer gives a row back: whether it changed, or locked, something.
pub fn writes(sql: &'static str, args: &[Arg]) -> Result<bool> {
    Ok(!write(sql, args, |_| Ok(()))?.is_empty())
}

/// Runs a writer whose rows do not matter.
pub fn exec(sql: &'static str, args: &[Arg]) -> Result<()> {
    write(sql, args, |_| Ok(())).map(drop)
}

fn run<R>(
    sql: &'static str,
    args: &[Arg],
    mutating: bool,
    mut map: impl FnMut(&Row) -> Result<R>,
) -> Result<Vec<R>> {
    let _watch = Watch::new();
    let _planning = ByShape::begin();
    Spi::connect(|client| {
        let count = if SEES_LATEST.get() && !mutating {
            select_latest(sql, args)
        } else if args.iter().any(|arg| elements(arg) >= MANY) {
            client.select(&prepare(client, sql, args, mutating)?, None, args).map(|rows| rows.len())
        } else {
            client.select(plan(client, sql, args, mutating)?, None, args).map(|rows| rows.len())
        };
        let count = count.map_err(internal)?;
        // SAFETY: the table of the statement that has just run, which is there until SPI is finished; null if it has none.
        let Some(table) = (unsafe { pg_sys::SPI_tuptable.as_ref() }) else { return Ok(Vec::new()) };
        // SAFETY: SPI keeps the rows there.
        let _rows = unsafe { Held::context(table.tuptabcxt) };
        interrupt::check()?;
        // SAFETY: as the rows.
        let columns = unsafe { Columns::of(table.tupdesc) };
        let mut scratch = (count > 1).then(|| pgrx::PgMemoryContexts::new("quire row"));
        let mut one = |at| {
            // SAFETY: there are as many rows.
            let tuple = unsafe { *table.vals.add(at) };
            let row = Row::of(tuple, &columns);
            let Some(scratch) = &mut scratch else { return map(&row) };
            interrupt::check()?;
            // What reading this row took, a long value say, goes before the next one is read.
            // SAFETY: what `map` hands out is Rust's own.
            let mapped = unsafe { scratch.switch_to(|_| map(&row)) };
            unsafe { scratch.reset() };
            mapped
        };
        (0..count).map(&mut one).collect()
    })
}

/// Runs a reader that sees what is committed now. How many rows it found.
fn select_latest(sql: &'static str, args: &[Arg]) -> std::result::Result<usize, SpiError> {
    let text = CString::new(sql).expect("statements hold no NUL");
    // SAFETY: SPI is connected; text and values live until it is done with them. With `read_only` SPI takes the active snapshot,
    // which is the one pushed here; an error pops it with the (sub)transaction.
    unsafe {
        let options =
            pg_sys::SPIExecuteOptions { params: params(args), read_only: true, ..Default::default() };
        pg_sys::SPI_tuptable = std::ptr::null_mut();
        pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
        let status = pg_sys::SPI_execute_extended(text.as_ptr(), &options);
        pg_sys::PopActiveSnapshot();
        Spi::check_status(status)?;
        Ok(pg_sys::SPI_processed as usize)
    }
}

/// The arguments as PostgreSQL passes them on.
///
/// # Safety
/// The list is PostgreSQL's memory and refers to the values of `args`.
unsafe fn params(args: &[Arg]) -> pg_sys::ParamListInfo {
    // SAFETY: makeParamList makes room for as many parameters as its argument says.
    unsafe {
        let list = pg_sys::makeParamList(args.len() as i32);
        for (param, arg) in (*list).params.as_mut_slice(args.len()).iter_mut().zip(args) {
            let datum = arg.datum().map(|datum| datum.sans_lifetime());
            param.isnull = datum.is_none();
            param.value = datum.unwrap_or(pg_sys::Datum::from(0usize));
            param.pflags = pg_sys::PARAM_FLAG_CONST as u16;
            param.ptype = arg.oid();
        }
        list
    }
}

/// How many elements an argument has that is an array.
fn elements(arg: &Arg) -> i32 {
    const ARRAYS: [pg_sys::Oid; 6] = [
        pg_sys::BOOLARRAYOID,
        pg_sys::BYTEAARRAYOID,
        pg_sys::INT4ARRAYOID,
        pg_sys::INT8ARRAYOID,
        pg_sys::TEXTARRAYOID,
        pg_sys::UUIDARRAYOID,
    ];
    let Some(datum) = arg.datum().filter(|_| ARRAYS.contains(&arg.oid())) else { return 0 };
    let array = datum.sans_lifetime().cast_mut_ptr::<pg_sys::ArrayType>();
    // SAFETY: an argument is a value that was just made: a whole array in memory, whose lengths follow its header.
    unsafe { pg_sys::ArrayGetNItems((*array).ndim, array.add(1).cast()) }
}

/// The kept plan of `sql`; made at its first use in this backend. The number of statements is fixed, so the
/// cache is bounded and its entries live as long as the backend.
fn plan(
    client: &SpiClient,
    sql: &'static str,
    args: &[Arg],
    mutating: bool,
) -> Result<&'static OwnedPreparedStatement> {
    let key = (sql.as_ptr() as usize, sql.len(), mutating);
    if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&key).copied()) {
        return Ok(plan);
    }
    let plan: &'static OwnedPreparedStatement =
        Box::leak(Box::new(prepare(client, sql, args, mutating)?.keep()));
    PLANS.with_borrow_mut(|plans| plans.insert(key, plan));
    Ok(plan)
}

fn prepare<'conn>(
    client: &SpiClient<'conn>,
    sql: &'static str,
    args: &[Arg],
    mutating: bool,
) -> Result<PreparedStatement<'conn>> {
    let types: Vec<PgOid> = args.iter().map(|arg| PgOid::from(arg.oid())).collect();
    if mutating { client.prepare_mut(sql, &types) } else { client.prepare(sql, &types) }.map_err(internal)
}

fn internal(error: SpiError) -> Error {
    Error::internal(format!("internal query failed: {error}"))
}

/// Whether the transaction has written something.
pub fn has_transaction_id() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pgrx::pg_sys::GetTopTransactionIdIfAny() != pgrx::pg_sys::InvalidTransactionId }
}
