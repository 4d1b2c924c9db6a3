//! The save itself, from the lock to the end of the spool. The order is that of `DURABILITY.md`.

use super::base::{Chosen, choose_base, holder, previous, weight_of};
use super::events;
use super::exporter::{Base, Exported, Exporter, LedgerPart};
use super::gather::{Wait, gather};
use super::lane::{self, Arrived, Bundles, Lane, lanes};
use super::local::Local;
use super::memory::{COPIES_MAX, Weight};
use super::request::Save;
use super::short_cuts::ShortCuts;
use super::situation::{Seen, Situation};
use super::summary::{CopyState, SaveSummary};
use lifeboat_core::log::{BaseRef, BundleHash, BundleRef, Entry, Record};
use lifeboat_core::{Error, Result};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// How a round ended.
enum Round {
    Saved(SaveSummary),
    /// The record in the spool is settled: look again, and go on.
    Again,
}

impl Save<'_> {
    /// Saves the live state. When this returns, the state is in at least as many copies as the minimum says.
    /// `interrupted` says whether the application wants to stop. It is called each 10 ms of a wait, only on the thread
    /// of the caller.
    ///
    /// # Errors
    /// - Unreachable: fewer copies hold the state; the text gives the reason for each. Nothing is lost; call again.
    /// - Mismatch: the copies are ahead, or fork, or nothing is remembered and not all copies answer. The text says
    ///   what must be decided. Nothing was put.
    /// - Busy: another save of this database runs, for longer than [`Save::turn`].
    /// - Host, with SQLite's code for a full disk: local state cannot be written.
    /// - Interrupted; misuse; and the errors of the exporter.
    pub fn run(&self, exporter: &mut dyn Exporter, interrupted: &dyn Fn() -> bool) -> Result<SaveSummary> {
        if self.copies.is_empty() || !(1..=self.copies.len()).contains(&self.minimum) {
            return Err(Error::misuse(format!(
                "the minimum of copies is from 1 to their number, which is {}, and not {}",
                self.copies.len(),
                self.minimum
            )));
        }
        if self.copies.len() > COPIES_MAX {
            return Err(Error::misuse(format!(
                "a save has at most {COPIES_MAX} copies, and {} are named; name fewer",
                self.copies.len()
            )));
        }
        let mut local = Local::open(self, interrupted)?;
        let mut saved = rounds(self, &mut local, exporter, interrupted);
        if let Err(error) = &saved {
            // If this write fails, too, the first error says more.
            let _ = local.note_failure(error, self.now);
        }
        let unwritten = events::note(self, &local, &saved);
        if let Ok(summary) = &mut saved {
            summary.events = unwritten;
        }
        saved
    }
}

fn rounds(
    save: &Save<'_>,
    local: &mut Local<'_>,
    exporter: &mut dyn Exporter,
    interrupted: &dyn Fn() -> bool,
) -> Result<SaveSummary> {
    // One round for the record in the spool, one for what goes on after it, and one for the live state.
    let mut is_later = false;
    for _ in 0..4 {
        if let Round::Saved(mut summary) = round(save, local, exporter, interrupted)? {
            summary.changed |= is_later;
            return Ok(summary);
        }
        is_later = true;
    }
    Err(Error::unreachable("other saves came between four times; nothing is lost; call again"))
}

fn round(
    save: &Save<'_>,
    local: &mut Local<'_>,
    exporter: &mut dyn Exporter,
    interrupted: &dyn Fn() -> bool,
) -> Result<Round> {
    let mut situation = Situation::look(save, local, interrupted, &mut || exporter.state_id())?;
    if local.spool.is_some() {
        situation.tell_apart(save, local)?;
    }
    let usable = situation.usable();
    if usable.is_empty() {
        return Err(too_few(save, 0, &situation));
    }
    let mut is_passed_over = false;
    if let Some(spool) = &local.spool {
        let record = spool.record.clone();
        match &situation.top {
            Some(top) if top.reference() == record.reference() && situation.settled.is_empty() => {
                let lanes = lanes(save, &situation, &record);
                let lacking = usable.len() < save.minimum;
                let all_hold_it = lanes.iter().all(|lane| lane.newest == Some(record.reference()));
                if lanes.len() >= save.minimum || (lacking && !lanes.is_empty() && !all_hold_it) {
                    deliver_spool(save, local, &mut situation, lanes)?;
                    return Ok(Round::Again);
                }
                if lacking && all_hold_it && exporter.state_id()? == record.entry().state_id {
                    return Err(too_few(save, lanes.len(), &situation));
                }
                is_passed_over = true;
            }
            Some(_) if situation.settled.is_empty() => {
                // The line went on after it. The copies have the record, or nobody needs it.
                local.drop_spool()?;
                return Ok(Round::Again);
            }
            _ => is_passed_over = true,
        }
    }
    remember_who(save, local, &mut situation, is_passed_over)?;
    let made = make(save, local, &situation, exporter)?;
    save.check_interrupt()?;
    // Only now, so that a save that is interrupted while it exports leaves nothing in the copies.
    situation.tell_apart(save, local)?;
    let Some(Made { exported, record, weight }) = made else {
        let top = situation.top.clone().ok_or_else(|| Error::misuse("the exporter made no first bundle"))?;
        return unchanged(save, local, &mut situation, &top).map(Round::Saved);
    };
    let lanes = lanes(save, &situation, &record);
    let ids: Vec<_> = lanes.iter().map(|lane| lane.id.clone()).collect();
    let bytes = record.entry().bundles.first().map_or(0, |bundle| bundle.length);
    let spool = local.new_spool(record, ids, weight, exported.ledger)?;
    local.set_spool(spool)?;
    let mut summary = deliver_spool(save, local, &mut situation, lanes)?;
    (summary.bytes, summary.full, summary.changed) = (bytes, exported.full, true);
    Ok(Round::Saved(summary))
}

/// Remembers what must be known before anything is put: the line that this place goes on from, and the copies that take
/// part. If the spooled record is passed over, also the copies that it may have reached.
fn remember_who(
    save: &Save<'_>,
    local: &mut Local<'_>,
    situation: &mut Situation<'_>,
    is_passed_over: bool,
) -> Result<()> {
    let before = (local.memory.head.clone(), local.memory.copies.len());
    let top = situation.top.clone().filter(|_| situation.settled.is_empty());
    if let Some(top) = top.filter(|top| local.head.as_ref().is_none_or(|head| head.reference() != top.reference())) {
        let weight = match &local.spool {
            Some(spool) if spool.record.reference() == top.reference() => spool.weight,
            _ => None,
        };
        local.set_head(&top, weight);
    }
    for copy in situation.usable() {
        let (newest, id) = (situation.newest(copy), situation.copies[copy].id.clone());
        let settles = !situation.settled.is_empty();
        if let Some(id) = id {
            let tip = local.memory.tip_mut(&id);
            // If a copy is on another line, its end is remembered once the fork is settled.
            if !settles {
                tip.ends_with(newest, situation.copies[copy].is_unsure);
            }
        }
    }
    if let (true, Some(spool)) = (is_passed_over, &local.spool) {
        let (record, aimed) = (spool.record.reference(), spool.aimed.clone());
        for id in aimed {
            local.memory.tip_mut(&id).may_end_with(record);
        }
    }
    for (copy, seen) in save.copies.iter().zip(&situation.copies) {
        let Some(id) = seen.id.as_ref().filter(|_| seen.look.is_none()) else { continue };
        if local.memory.tip(id).is_some() && copy.store.id().is_ok() {
            local.memory.tip_mut(id).fails(save.now);
        }
    }
    if is_passed_over || before != (local.memory.head.clone(), local.memory.copies.len()) {
        local.write_memory()?;
    }
    Ok(())
}

/// What is put next, without the bundles.
struct Made {
    exported: Exported,
    record: Record,
    /// The weight of the path to its state.
    weight: Option<Weight>,
}

/// Exports, and signs the record. None: the live state is already the newest one.
fn make(
    save: &Save<'_>,
    local: &mut Local<'_>,
    situation: &Situation<'_>,
    exporter: &mut dyn Exporter,
) -> Result<Option<Made>> {
    let Chosen { record: base_record, base, is_heavy } = choose_base(save, local, situation)?;
    let (bundle, ledger) = local.new_files()?;
    let is_ledger = matches!(base, Base::Ledger(..));
    let base_state = base.state_id();
    let mut exported = exporter.export(base, &bundle, &ledger)?;
    let is_same = |record: &Record| {
        let is_top = situation.top.as_ref().is_some_and(|top| top.reference() == record.reference());
        is_top && record.entry().state_id == exported.state_id
    };
    let is_unchanged = base_record.as_ref().is_some_and(is_same) && enough_hold(save, situation);
    if is_unchanged && (is_heavy || !exported.changed) {
        // Remove what was written for nothing.
        local.new_files()?;
        return Ok(None);
    }
    if !exported.changed {
        // The live state is that of the base, but the record that says so is only in copies that are away.
        let (bundle, ledger) = local.new_files()?;
        exported = exporter.export(Base::Nothing, &bundle, &ledger)?;
    }
    if exported.ledger == LedgerPart::Behind && !is_ledger {
        return Err(Error::misuse("the exporter wrote the end of a ledger that it was not given"));
    }
    let (sha256, length) = local.keep_bundle()?;
    let base = match (exported.full, &base_record, base_state) {
        (true, ..) => None,
        (false, Some(record), Some(state_id)) => Some(BaseRef { record: record.reference(), state_id }),
        (false, ..) => return Err(Error::misuse("the exporter made a delta without a base")),
    };
    let previous = previous(local, situation);
    let number = previous.first().map_or(1, |first| first.number + 1);
    let own = BundleRef { sha256, length, base };
    let mut entry = Entry { number, previous, state_id: exported.state_id, bundles: vec![own] };
    let mut weight = weight_of(local, own);
    let Some(from) = base_record.filter(|_| !exported.full) else {
        return Ok(Some(Made { exported, record: Record::sign(save.keys, entry, &save.details)?, weight }));
    };
    let mut short_cuts = ShortCuts::new(save, local, situation, &from);
    short_cuts.add_to(&mut entry, exporter)?;
    let record = Record::sign(save.keys, entry, &save.details)?;
    weight = short_cuts.weight(&record)?.or(weight);
    Ok(Some(Made { exported, record, weight }))
}

/// Whether as many copies as the minimum says hold the newest record, or can be brought to it.
fn enough_hold(save: &Save<'_>, situation: &Situation<'_>) -> bool {
    let Some(top) = &situation.top else { return false };
    let lanes = lanes(save, situation, top);
    lanes.len() >= save.minimum.min(situation.usable().len()) && holder(situation, top.reference()).is_some()
}

/// The live state is that of the newest record. Copies that lag get this record, as far as that is possible.
fn unchanged(
    save: &Save<'_>,
    local: &mut Local<'_>,
    situation: &mut Situation<'_>,
    top: &Record,
) -> Result<SaveSummary> {
    let lanes = lanes(save, situation, top);
    let bundles = match holder(situation, top.reference()) {
        Some(source) => Bundles::Copy(source),
        None => return Err(too_few(save, 0, situation)),
    };
    deliver(save, local, situation, lanes, top, &bundles, None)
}

/// Puts the record in the spool, and takes it for saved once enough copies hold it.
fn deliver_spool(
    save: &Save<'_>,
    local: &mut Local<'_>,
    situation: &mut Situation<'_>,
    lanes: Vec<Lane>,
) -> Result<SaveSummary> {
    local.aim(lanes.iter().map(|lane| lane.id.clone()).collect())?;
    let Some(spool) = &local.spool else { return Err(Error::misuse("nothing lies in the spool")) };
    let (record, weight) = (spool.record.clone(), spool.weight);
    let hashes = record.entry().bundles.iter().map(|bundle| bundle.sha256);
    let files: Vec<(BundleHash, PathBuf)> = hashes.map(|hash| (hash, local.bundle(hash))).collect();
    deliver(save, local, situation, lanes, &record, &Bundles::Spool(files), weight)
}

fn deliver(
    save: &Save<'_>,
    local: &mut Local<'_>,
    situation: &mut Situation<'_>,
    lanes: Vec<Lane>,
    record: &Record,
    bundles: &Bundles,
    weight: Option<Weight>,
) -> Result<SaveSummary> {
    let resting = |seen: &Seen| {
        let tip = seen.id.as_deref().and_then(|id| local.memory.tip(id));
        tip.is_some_and(|tip| tip.is_resting(save.now))
    };
    let impatient: Vec<_> = situation.copies.iter().map(resting).collect();
    let copies: Vec<_> = lanes.iter().map(|lane| lane.copy).collect();
    let wait = Wait { enough: save.minimum, impatient: &impatient, interrupted: situation.interrupted };
    let shared = Mutex::new(local);
    let work = |copy: usize, pace: &super::gather::Pace| match lanes.iter().find(|lane| lane.copy == copy) {
        Some(lane) => lane::run(save, lane, record, bundles, &shared, pace),
        None => Arrived::default(),
    };
    let arrived = gather(save, &copies, &wait, work, |arrived| arrived.is_done)?;
    let local = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut fork = None;
    for (copy, arrived) in arrived {
        if let Some(error) = arrived.local {
            return Err(error);
        }
        fork = fork.or(arrived.fork);
        let seen = &mut situation.copies[copy];
        (seen.state, seen.why) =
            if arrived.is_done { (CopyState::Done, None) } else { (CopyState::Behind, arrived.why) };
        if let Some(look) = &mut seen.look {
            look.newest = arrived.reached;
        }
        let tip = local.memory.tip_mut(seen.id.as_deref().unwrap_or_default());
        let is_unsure = seen.is_unsure && !arrived.is_done && tip.is_unsure(arrived.reached);
        tip.ends_with(arrived.reached, is_unsure);
        if arrived.began && !arrived.is_done {
            tip.may_end_with(record.reference());
        }
        if !arrived.is_done {
            tip.fails(save.now);
        }
    }
    local.witness.copies = situation.sights();
    if let Some(other) = fork {
        local.witness.fork = vec![other, record.reference()];
        return Err(Error::mismatch(format!(
            "the log forks: while this save ran, another place saved number {} ({}); this save is number {} ({}); nothing \
             is lost; save again to see both ends, and decide",
            other.number,
            other.hash,
            record.entry().number,
            record.reference().hash
        )));
    }
    for seen in &mut situation.copies {
        if seen.is_usable && seen.state == CopyState::Behind && seen.why.is_none() {
            seen.why = Some(
                "it lacks records that no copy gave it now; once the others are back, a save or backup_scrub with the option \
                 `repair` brings it up to date"
                    .to_owned(),
            );
        }
    }
    local.witness.copies = situation.sights();
    let done = situation.copies.iter().filter(|seen| seen.state == CopyState::Done).count();
    if done < save.minimum {
        // Remember what was seen of the copies. The spool says the rest.
        local.write_memory()?;
        return Err(too_few(save, done, situation));
    }
    // Copies that the spooled record was meant for, and that are not there now.
    let aimed = local.spool.iter().flat_map(|spool| spool.aimed.clone()).collect::<Vec<_>>();
    for id in aimed {
        let tip = local.memory.tip_mut(&id);
        if tip.sure.is_none_or(|sure| sure.0 != record.reference()) {
            tip.may_end_with(record.reference());
        }
    }
    let is_new_head = local.head.as_ref().is_none_or(|head| head.reference() != record.reference());
    let weight = if is_new_head { weight } else { local.memory.weight };
    local.set_head(record, weight);
    let summary = SaveSummary {
        number: record.entry().number,
        record: record.reference().hash.to_string(),
        state_id: record.entry().state_id.to_string(),
        bytes: 0,
        full: false,
        changed: false,
        minimum: save.minimum,
        done,
        copies: situation.summaries(save),
        events: None,
    };
    local.memory.status.set_saved(&summary, save.now);
    local.write_memory()?;
    local.finish()?;
    Ok(summary)
}

fn too_few(save: &Save<'_>, done: usize, situation: &Situation<'_>) -> Error {
    let is = |states: &[CopyState]| {
        let is = |seen: &Seen| states.contains(&seen.state) && seen.why.is_some() && !seen.is_twin;
        situation.copies.iter().any(is)
    };
    let asks = is(&[CopyState::New, CopyState::Lost, CopyState::RolledBack]);
    let remedy = match (asks, is(&[CopyState::Away, CopyState::Behind])) {
        (false, false) if situation.copies.iter().any(|seen| seen.is_twin) => {
            "a place counts once, whatever its names are: name another place, or a smaller minimum"
        }
        (false, _) => "call again",
        (true, false) => "what is new, lost or rolled back gets nothing before you say so, by the option \"add\": true",
        (true, true) => {
            "call again once those that are away are back; what is new, lost or rolled back gets nothing before you say so, \
             by the option \"add\": true"
        }
    };
    Error::unreachable(format!(
        "saved in {done} of {} copies, and the minimum is {}; nothing is lost; {remedy} ({})",
        save.copies.len(),
        save.minimum,
        situation.reasons(save)
    ))
}
