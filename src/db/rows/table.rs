//! A table of quire's alone, and what is done with its rows.

use super::{Column, Name, Rows, Sight};
use crate::db::columns::{self, Columns};
use crate::db::{self, Arg, Row};
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Datum};
use pgrx::{PgSqlErrorCode, ereport};
use quire_core::error::{Error, Result};
use std::ptr::null_mut;

/// A table that is open.
#[derive(Clone, Copy)]
pub struct Opened {
    name: &'static Name,
    relation: pg_sys::Relation,
    /// The index of its primary key.
    primary_key: pg_sys::Oid,
    /// Whether nobody but quire has to do with it.
    is_own: bool,
    /// With its indexes open; null until a row is written.
    writer: *mut pg_sys::ResultRelInfo,
    /// Where a row stands on its way, and where one does that it replaces; null until there is one.
    slots: [*mut pg_sys::TupleTableSlot; 2],
}

/// One of the tables that are open.
#[derive(Clone, Copy)]
pub struct Table<'r> {
    pub(super) rows: &'r Rows,
    pub(super) at: usize,
}

impl Opened {
    /// A table that was just opened.
    pub fn of(name: &'static Name, relation: pg_sys::Relation) -> Self {
        // SAFETY: the table is open. Under its lock the index that it names stays one that is kept up to date.
        let primary_key = unsafe { primary_key(relation) };
        let opened =
            Self { name, relation, primary_key, is_own: false, writer: null_mut(), slots: [null_mut(); 2] };
        Self { is_own: opened.looks_own(), ..opened }
    }

    /// Whether it is this table.
    pub fn is(&self, name: &'static Name) -> bool {
        std::ptr::eq(self.name, name)
    }

    /// Its columns.
    fn columns(&self) -> Columns {
        // SAFETY: the table is open.
        unsafe { Columns::of((*self.relation).rd_att) }
    }

    /// The place of a column, from 0, and its type. Most come in the table's order, so the one at `expected` is looked at first.
    fn place(&self, name: &str, expected: usize) -> Result<(usize, pg_sys::Oid)> {
        // SAFETY: the table is open.
        unsafe { columns::place((*self.relation).rd_att, "", name, expected) }
    }

    /// Whether nobody but quire has to do with it.
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Closes it; its locks stay.
    ///
    /// # Safety
    /// Nothing of it is used any more.
    pub unsafe fn close(&self) {
        // SAFETY: the caller's.
        unsafe {
            if !self.writer.is_null() {
                pg_sys::ExecCloseIndices(self.writer);
            }
            pg_sys::table_close(self.relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        }
    }

    fn looks_own(&self) -> bool {
        // SAFETY: the table is open, so what its entry points to is there.
        unsafe {
            let relation = &*self.relation;
            let form = &*relation.rd_rel;
            let is_plain = form.relkind == pg_sys::RELKIND_RELATION as i8
                && form.relam == pg_sys::HEAP_TABLE_AM_OID
                && !form.relispartition
                && self.primary_key != pg_sys::InvalidOid
                && relation.rd_rules.is_null();
            let columns = (0..(*relation.rd_att).natts as usize)
                .filter(|at| !(*columns::column(relation.rd_att, *at)).attisdropped)
                .count();
            is_plain && columns == self.name.width && self.has_own_triggers_only()
        }
    }

    /// Whether all triggers are quire's own guards or foreign keys.
    ///
    /// # Safety
    /// The table is open.
    unsafe fn has_own_triggers_only(&self) -> bool {
        // SAFETY: the caller's; triggers are there as often as the entry says.
        unsafe {
            let Some(triggers) = (*self.relation).trigdesc.as_ref() else { return true };
            let schema = (*(*self.relation).rd_rel).relnamespace;
            std::slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize).iter().all(
                |trigger| {
                    let is_builtin = trigger.tgfoid.to_u32() < pg_sys::FirstNormalObjectId;
                    match trigger.tgisinternal {
                        true => is_builtin,
                        false => !is_builtin && pg_sys::get_func_namespace(trigger.tgfoid) == schema,
                    }
                },
            )
        }
    }
}

/// The index of a table's primary key; `InvalidOid` when it has none.
///
/// # Safety
/// The table is open.
#[cfg(not(feature = "pg18"))]
pub(in crate::db) unsafe fn primary_key(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: the caller's.
    unsafe { pg_sys::RelationGetPrimaryKeyIndex(relation) }
}

/// The index of a table's primary key; `InvalidOid` when it has none.
///
/// # Safety
/// The table is open.
#[cfg(feature = "pg18")]
pub(in crate::db) unsafe fn primary_key(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: the caller's.
    unsafe { pg_sys::RelationGetPrimaryKeyIndex(relation, false) }
}

impl Table<'_> {
    fn opened(&self) -> Opened {
        self.rows.opened.borrow()[self.at]
    }

    /// The first row whose primary key begins with `key` and for which `map` gives something.
    pub fn find<R>(
        &self,
        sight: Sight,
        key: &[Column],
        mut map: impl FnMut(&Row) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        let opened = self.opened();
        let columns = opened.columns();
        self.scan(sight, key, |tuple| map(&Row::of(tuple, &columns)))
    }

    /// Locks the row of this key until the end of the transaction, as FOR NO KEY UPDATE does, and reads it as it is then; `None` when
    /// there is none. 40001 where the transaction sees an older state.
    pub fn lock<R>(&self, key: &[Column], map: impl Fn(&Row) -> Result<R>) -> Result<Option<R>> {
        let opened = self.opened();
        let columns = opened.columns();
        // SAFETY: the tuple is one of the scan's.
        let found = self.scan(Sight::Statement, key, |tuple| Ok(Some(unsafe { (*tuple).t_self })))?;
        let Some(mut at) = found else { return Ok(None) };
        let sees_older_state = db::sees_older_state();
        let follow = if sees_older_state { 0 } else { pg_sys::TUPLE_LOCK_FLAG_FIND_LAST_VERSION };
        let flags = (pg_sys::TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS | follow) as u8;
        let mut failure = pg_sys::TM_FailureData::default();
        // SAFETY: table and snapshot live as long as the rows; the row is one that the snapshot sees. The slot is dropped at the end,
        // or by PostgreSQL after an error.
        let slot = unsafe { pg_sys::table_slot_create(opened.relation, null_mut()) };
        let locked = unsafe {
            let lock = (*(*opened.relation).rd_tableam)
                .tuple_lock
                .ok_or_else(|| Error::internal("rows of this table cannot be locked"))?;
            let command = pg_sys::GetCurrentCommandId(true);
            pg_guard_ffi_boundary(|| {
                lock(
                    opened.relation,
                    &raw mut at,
                    self.rows.snapshot,
                    slot,
                    command,
                    pg_sys::LockTupleMode::LockTupleNoKeyExclusive,
                    pg_sys::LockWaitPolicy::LockWaitBlock,
                    flags,
                    &raw mut failure,
                )
            })
        };
        let found = match locked {
            pg_sys::TM_Result::TM_Ok => {
                // SAFETY: the slot holds the row that was locked.
                let tuple = unsafe { pg_sys::ExecFetchSlotHeapTuple(slot, false, null_mut()) };
                map(&Row::of(tuple, &columns)).map(Some)
            }
            pg_sys::TM_Result::TM_Updated | pg_sys::TM_Result::TM_Deleted if sees_older_state => {
                ereport!(
                    ERROR,
                    PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE,
                    "could not serialize access due to concurrent update"
                );
            }
            pg_sys::TM_Result::TM_Deleted | pg_sys::TM_Result::TM_SelfModified => Ok(None),
            other => Err(Error::internal(format!("a row could not be locked: {other}"))),
        };
        // SAFETY: nothing of it is used any more.
        unsafe { pg_sys::ExecDropSingleTupleTableSlot(slot) };
        found
    }

    /// Inserts a row. A value is given for each column.
    pub fn insert(&self, values: &[Column]) -> Result<()> {
        let opened = self.opened();
        if values.len() != opened.name.width {
            return Err(Error::internal("a row has another number of columns than its table"));
        }
        let (writer, slot) = (self.writer(), self.slot(0));
        // SAFETY: the slot has as many values as the table has columns; they live until the row is written.
        unsafe {
            pg_sys::ExecStoreAllNullTuple(slot);
            let width = (*(*opened.relation).rd_att).natts as usize;
            let datums = std::slice::from_raw_parts_mut((*slot).tts_values, width);
            let nulls = std::slice::from_raw_parts_mut((*slot).tts_isnull, width);
            put(&opened, values, |at, value| {
                nulls[at] = value.is_none();
                datums[at] = value.unwrap_or(Datum::from(0usize));
            })?;
        }
        self.rows.write(|state| {
            // SAFETY: as above; an error is PostgreSQL's own.
            unsafe { pg_sys::ExecSimpleRelationInsert(writer, state, slot) };
        });
        Ok(())
    }

    /// Changes the row of this key; `false` when there is none. Nobody else may be changing it: what holds the project's head row
    /// sees to that.
    pub fn update(&self, key: &[Column], values: &[Column]) -> Result<bool> {
        let opened = self.opened();
        let (writer, slot) = (self.writer(), self.slot(0));
        // SAFETY: a copy in the caller's memory.
        let found =
            self.scan(Sight::Statement, key, |tuple| Ok(Some(unsafe { pg_sys::heap_copytuple(tuple) })))?;
        let Some(old) = found else { return Ok(false) };
        let place = self.slot(1);
        // SAFETY: the arrays are as long as the table is wide; the table has no trigger that looks at the row before it is
        // changed, so nothing but its place is asked of the old one.
        unsafe {
            let shape = (*opened.relation).rd_att;
            let width = (*shape).natts as usize;
            let mut datums = vec![Datum::from(0usize); width];
            let (mut nulls, mut is_new) = (vec![false; width], vec![false; width]);
            put(&opened, values, |at, value| {
                is_new[at] = true;
                nulls[at] = value.is_none();
                datums[at] = value.unwrap_or(Datum::from(0usize));
            })?;
            let changed = pg_sys::heap_modify_tuple(
                old,
                shape,
                datums.as_mut_ptr(),
                nulls.as_mut_ptr(),
                is_new.as_mut_ptr(),
            );
            let at = (*old).t_self;
            // The slots copy both.
            pg_sys::ExecForceStoreHeapTuple(old, place, true);
            (*place).tts_tid = at;
            pg_sys::ExecForceStoreHeapTuple(changed, slot, true);
            self.rows.write(|state| pg_sys::ExecSimpleRelationUpdate(writer, state, null_mut(), place, slot));
        }
        Ok(true)
    }

    /// One of its two slots.
    fn slot(&self, which: usize) -> *mut pg_sys::TupleTableSlot {
        let opened = self.opened();
        if !opened.slots[which].is_null() {
            return opened.slots[which];
        }
        // SAFETY: the slot goes with the state.
        let slot = self.rows.in_state(|state| unsafe {
            pg_sys::table_slot_create(opened.relation, &raw mut (*state).es_tupleTable)
        });
        self.rows.opened.borrow_mut()[self.at].slots[which] = slot;
        slot
    }

    /// The table with its indexes open.
    fn writer(&self) -> *mut pg_sys::ResultRelInfo {
        let opened = self.opened();
        if !opened.writer.is_null() {
            return opened.writer;
        }
        // SAFETY: memory of the state, set up as the worker of logical replication does. In the state's list it is found by the
        // triggers that run at the end.
        let writer = self.rows.in_state(|state| unsafe {
            let info: *mut pg_sys::ResultRelInfo = pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast();
            pg_sys::InitResultRelInfo(info, opened.relation, 0, null_mut(), 0);
            pg_sys::ExecOpenIndices(info, false);
            let relations = &mut (*state).es_opened_result_relations;
            *relations = pg_sys::lappend(*relations, info.cast());
            info
        });
        self.rows.opened.borrow_mut()[self.at].writer = writer;
        writer
    }

    /// Goes through the rows whose primary key begins with `key` until `look` has found something.
    fn scan<R>(
        &self,
        sight: Sight,
        key: &[Column],
        mut look: impl FnMut(pg_sys::HeapTuple) -> Result<Option<R>>,
    ) -> Result<Option<R>> {
        let opened = self.opened();
        let mut keys = scan_keys(key.iter().map(|(_, value)| value))?;
        // SAFETY: keys and snapshot live until the scan ends. An error of PostgreSQL's ends the scan with the (sub)transaction.
        unsafe {
            let mut now = std::mem::zeroed::<pg_sys::SnapshotData>();
            now.snapshot_type = pg_sys::SnapshotType::SNAPSHOT_SELF;
            let snapshot = match sight {
                Sight::Statement => self.rows.snapshot,
                Sight::Now => &raw mut now,
            };
            let scan = pg_sys::systable_beginscan(
                opened.relation,
                opened.primary_key,
                true,
                snapshot,
                keys.len() as i32,
                keys.as_mut_ptr(),
            );
            let found = loop {
                let tuple = pg_sys::systable_getnext(scan);
                if tuple.is_null() {
                    break Ok(None);
                }
                match look(tuple) {
                    Ok(None) => {}
                    found => break found,
                }
                pgrx::check_for_interrupts!();
            };
            pg_sys::systable_endscan(scan);
            found
        }
    }
}

/// A key of values of the first columns of an index.
pub(in crate::db) fn scan_keys<'k>(
    key: impl Iterator<Item = &'k Arg<'k>>,
) -> Result<Vec<pg_sys::ScanKeyData>> {
    key.zip(1..)
        .map(|(value, column)| {
            let equal = match value.oid() {
                pg_sys::UUIDOID => pg_sys::F_UUID_EQ,
                pg_sys::INT4OID => pg_sys::F_INT4EQ,
                pg_sys::INT8OID => pg_sys::F_INT8EQ,
                pg_sys::TEXTOID => pg_sys::F_TEXTEQ,
                pg_sys::BYTEAOID => pg_sys::F_BYTEAEQ,
                _ => return Err(Error::internal("a key has a value of another type")),
            };
            let datum = value.datum().ok_or_else(|| Error::internal("a key has no value"))?;
            // SAFETY: an entry without pointers but the value's, which its owner keeps.
            unsafe {
                let mut entry = std::mem::zeroed::<pg_sys::ScanKeyData>();
                let is = pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber;
                pg_sys::ScanKeyInit(&mut entry, column, is, equal.into(), datum.sans_lifetime());
                Ok(entry)
            }
        })
        .collect()
}

/// Hands values to the places of their columns, whose types they must have.
fn put(opened: &Opened, values: &[Column], mut to: impl FnMut(usize, Option<Datum>)) -> Result<()> {
    let mut next = 0;
    for (name, value) in values {
        let (at, kind) = opened.place(name, next)?;
        if kind != value.oid() {
            return Err(Error::internal(format!("column {name} has another type")));
        }
        to(at, value.datum().map(|datum| datum.sans_lifetime()));
        next = at + 1;
    }
    Ok(())
}
