//! What the copies show, and what follows from that: the rules of `DURABILITY.md` under *Looking*.

use super::events::Sight;
use super::gather::{Wait, attend, gather};
use super::local::Local;
use super::request::Save;
use super::summary::{CopyState, CopySummary};
use crate::series::{Ends, FIRST_PAGE, Known, Look, Remembered, look, read_record};
use crate::{StoreError, StoreErrorKind};
use lifeboat_core::log::{Fork, Record, RecordRef};
use lifeboat_core::{Error, Result, StateId};

/// What one copy shows.
pub(super) struct Seen {
    /// [`Store::id`](crate::Store::id), if it is known.
    pub(super) id: Option<String>,
    /// What it shows, if it answers.
    pub(super) look: Option<Look>,
    /// Whether it may get records.
    pub(super) is_usable: bool,
    /// It gets full bundles only.
    pub(super) is_forked: bool,
    /// Nobody saw the put of its newest record end.
    pub(super) is_unsure: bool,
    /// It is the same place as a copy before it.
    pub(super) is_twin: bool,
    /// The state of the copy before anything is put.
    pub(super) state: CopyState,
    /// Why nothing can be put into this copy.
    pub(super) why: Option<String>,
}

/// What all copies show.
pub(super) struct Situation<'a> {
    /// Whether the application wants to stop. Only the thread of the caller asks it.
    pub(super) interrupted: &'a dyn Fn() -> bool,
    pub(super) copies: Vec<Seen>,
    pub(super) known: Known,
    /// The newest record. None: the series begins.
    pub(super) top: Option<Record>,
    /// The ends of a fork that the caller's decision settles.
    pub(super) settled: Vec<RecordRef>,
}

impl<'a> Situation<'a> {
    /// Looks at all copies and decides what follows from what they show.
    ///
    /// # Errors
    /// Mismatch when the caller must decide something; unreachable; interrupted.
    pub(super) fn look(
        save: &Save<'_>,
        local: &mut Local<'_>,
        interrupted: &'a dyn Fn() -> bool,
        live: &mut dyn FnMut() -> Result<StateId>,
    ) -> Result<Self> {
        let copies = look_at_all(save, local, interrupted)?;
        // A copy that answers is waited for again.
        let answering = copies.iter().filter(|seen| seen.look.is_some()).filter_map(|seen| seen.id.as_deref());
        let tips = local.memory.copies.iter_mut();
        let answering: Vec<_> = answering.collect();
        tips.filter(|tip| answering.contains(&tip.id.as_str())).for_each(|tip| tip.failed = None);
        let mut situation = Self { interrupted, copies, known: Known::default(), top: None, settled: Vec::new() };
        local.witness.copies = situation.first_sights();
        situation.ask_when_blind(save, local)?;
        situation.find_top(save, local)?;
        save.check_interrupt()?;
        situation.ask_when_ahead(save, local, live)?;
        situation.judge_copies(save, local);
        local.witness.copies = situation.sights();
        Ok(situation)
    }

    /// If nothing is remembered, all copies must answer: one that does not answer may be ahead.
    fn ask_when_blind(&self, save: &Save<'_>, local: &Local<'_>) -> Result<()> {
        let silent: Vec<_> = (0..self.copies.len()).filter(|&copy| self.copies[copy].look.is_none()).collect();
        if local.head.is_some() || local.spool.is_some() || silent.is_empty() {
            return Ok(());
        }
        Err(Error::unreachable(format!(
            "{}; this place remembers no save, and so all copies have to answer once, since one of them may be ahead; \
             nothing was saved; connect those that are away, or take out of the stores what is gone for good",
            self.reasons(save)
        )))
    }

    fn find_top(&mut self, save: &Save<'_>, local: &mut Local<'_>) -> Result<()> {
        let spooled = local.spool.as_ref().map(|spool| &spool.record);
        let known = &mut self.known;
        if let Some(head) = &local.head {
            // A spooled record is not a tip. What it names is added together with it.
            let spooled = spooled.map(Record::reference);
            known.add_after(head, local.memory.tips().filter(|tip| Some(*tip) != spooled));
        }
        spooled.into_iter().for_each(|record| known.add(record));
        let looks = self.copies.iter().filter_map(|copy| copy.look.as_ref());
        looks.flat_map(|look| &look.records).for_each(|record| known.add(record));
        let ends = known.ends(reader(save, self.interrupted, &self.copies));
        let top = match ends {
            Ends::None => None,
            Ends::One(top) => Some(top),
            Ends::Fork(fork) => {
                let chosen = fork.heads.iter().find(|head| Some(head.hash) == save.go_on).copied();
                let Some(chosen) = chosen else {
                    local.witness.fork.clone_from(&fork.heads);
                    return Err(self.fork(save, &fork));
                };
                self.settled = fork.heads;
                Some(chosen)
            }
        };
        self.top = top
            .map(|top| {
                let known = self.known.get(top).cloned();
                known.ok_or_else(|| Error::corrupt(format!("record {} {} was seen and is gone", top.number, top.hash)))
            })
            .transpose()?;
        Ok(())
    }

    fn fork(&self, save: &Save<'_>, fork: &Fork) -> Error {
        let what = if fork.proven {
            "the log forks: two places saved to it"
        } else {
            "the copies end with records that are not known to be of one line"
        };
        let heads: Vec<_> = fork.heads.iter().map(|head| self.describe(save, *head)).collect();
        Error::mismatch(format!(
            "{what}; nothing was put; restore the state that should live on, or save the live state after one of these \
             records with the option `continue` and its hash; backup_log lists the states of both ({})",
            heads.join("; ")
        ))
    }

    /// The record and the copies that have it.
    fn describe(&self, save: &Save<'_>, record: RecordRef) -> String {
        let has = |copy: &Seen| copy.look.as_ref().is_some_and(|look| look.newest == Some(record));
        let names =
            save.copies.iter().zip(&self.copies).filter(|(_, seen)| has(seen)).map(|(copy, _)| copy.name.to_string());
        let names: Vec<_> = names.collect();
        let place = if names.is_empty() { "this place".to_owned() } else { names.join(", ") };
        format!("number {} in {place}: {}", record.number, record.hash)
    }

    /// Either others saved since, or this place is an old copy of itself.
    fn ask_when_ahead(
        &self,
        save: &Save<'_>,
        local: &Local<'_>,
        live: &mut dyn FnMut() -> Result<StateId>,
    ) -> Result<()> {
        let Some(top) = self.top.as_ref().filter(|_| self.settled.is_empty()) else { return Ok(()) };
        let is = |record: Option<&Record>| record.is_some_and(|record| record.reference() == top.reference());
        if is(local.head.as_ref()) || is(local.spool.as_ref().map(|spool| &spool.record)) {
            return Ok(());
        }
        if save.go_on == Some(top.reference().hash) || live()? == top.entry().state_id {
            return Ok(());
        }
        let remembered = match &local.head {
            Some(head) => format!("this place remembers number {}", head.entry().number),
            None => "this place remembers nothing".to_owned(),
        };
        Err(Error::mismatch(format!(
            "the copies hold saves that this database does not come from: {remembered}, and the newest is {}; nothing was \
             put; restore it, or save the live state after it, as the newest one, with the option `continue` and that hash",
            self.describe(save, top.reference())
        )))
    }

    /// Decides which copies may get records.
    fn judge_copies(&mut self, save: &Save<'_>, local: &Local<'_>) {
        let begins = self.top.is_none();
        for seen in &mut self.copies {
            let (Some(look), Some(id)) = (&seen.look, &seen.id) else { continue };
            let tip = local.memory.tip(id);
            let remembered = tip.and_then(|tip| tip.sure);
            let (state, why) = match (remembered, look.newest) {
                (Some(_), _) if look.has_remembered => (CopyState::Behind, None),
                (Some(sure), None) => (
                    CopyState::Lost,
                    Some(format!(
                        "it held number {} and is empty, or that record is damaged; find out why; then fill it with the \
                         option `add`, or take it out of the stores if it is gone for good",
                        sure.0.number
                    )),
                ),
                (Some(sure), Some(newest)) => (
                    CopyState::RolledBack,
                    Some(format!(
                        "it held number {}, which is gone or damaged; its newest is {}; find out why; then heal it with \
                         backup_scrub and the option `repair`, or with the option `add` here",
                        sure.0.number, newest.number
                    )),
                ),
                (None, None) if tip.is_none() && !begins => (
                    CopyState::New,
                    Some("it is empty, and new; if it is the right one, fill it with the option `add`".to_owned()),
                ),
                (None, _) => (CopyState::Behind, None),
            };
            seen.is_usable = why.is_none() || save.add;
            seen.is_unsure = tip.is_some_and(|tip| tip.is_unsure(look.newest));
            seen.is_forked = look.is_forked || !self.settled.is_empty();
            (seen.state, seen.why) = (state, why.filter(|_| !save.add));
        }
    }

    /// The newest record of a copy.
    pub(super) fn newest(&self, copy: usize) -> Option<RecordRef> {
        self.copies[copy].look.as_ref().and_then(|look| look.newest)
    }

    pub(super) fn usable(&self) -> Vec<usize> {
        (0..self.copies.len()).filter(|&copy| self.copies[copy].is_usable).collect()
    }

    /// Why copies got nothing, in one line.
    pub(super) fn reasons(&self, save: &Save<'_>) -> String {
        let reasons =
            save.copies.iter().zip(&self.copies).filter_map(|(copy, seen)| {
                Some(format!("{}: {}: {}", copy.name, seen.state.name(), seen.why.as_ref()?))
            });
        reasons.collect::<Vec<_>>().join("; ")
    }

    /// What is told of each copy.
    pub(super) fn sights(&self) -> Vec<Sight> {
        // A copy that lags, and nobody knows why, has not got the record yet.
        let is_known = |seen: &Seen| seen.state != CopyState::Behind || seen.why.is_some();
        let state = |seen: &Seen| is_known(seen).then_some(seen.state);
        self.copies.iter().map(|seen| Sight { state: state(seen), why: seen.why.clone() }).collect()
    }

    /// The same before anything is known of those that answer.
    fn first_sights(&self) -> Vec<Sight> {
        let state = |seen: &Seen| seen.look.is_none().then_some(seen.state);
        self.copies.iter().map(|seen| Sight { state: state(seen), why: seen.why.clone() }).collect()
    }

    pub(super) fn summaries(&self, save: &Save<'_>) -> Vec<CopySummary> {
        let summary = |(copy, (place, seen)): (&super::request::CopyStore, (usize, &Seen))| CopySummary {
            store: copy.name.clone(),
            state: seen.state,
            number: self.newest(place).map(|newest| newest.number),
            why: seen.why.clone(),
        };
        save.copies.iter().zip(self.copies.iter().enumerate()).map(summary).collect()
    }
}

/// A record that was seen, or that a copy gives.
pub(super) fn read(save: &Save<'_>, situation: &Situation<'_>, record: RecordRef) -> Option<Record> {
    let known = situation.known.get(record).cloned();
    known.or_else(|| reader(save, situation.interrupted, &situation.copies)(record))
}

/// Reads a record from the first copy that has it.
pub(super) fn reader<'s>(
    save: &'s Save<'_>,
    interrupted: &'s dyn Fn() -> bool,
    copies: &'s [Seen],
) -> impl FnMut(RecordRef) -> Option<Record> + 's {
    move |record| {
        let (domain, key) = (save.keys.id(), save.keys.verify_key());
        attend(save, interrupted, |cancel| {
            let mut answering = (0..copies.len()).filter(|&copy| copies[copy].look.is_some());
            answering.find_map(|copy| read_record(&*save.copies[copy].store, domain, &key, record, cancel).ok())
        })
    }
}

fn look_at_all(save: &Save<'_>, local: &Local<'_>, interrupted: &dyn Fn() -> bool) -> Result<Vec<Seen>> {
    let (domain, key) = (save.keys.id(), save.keys.verify_key());
    let ids: Vec<_> = save.copies.iter().map(|copy| copy.store.id()).collect();
    let resting = |id: &str| local.memory.tip(id).is_some_and(|tip| tip.is_resting(save.now));
    let impatient: Vec<_> = ids.iter().map(|id| id.as_ref().is_ok_and(|id| resting(id))).collect();
    // If nothing is remembered, all copies are waited for.
    let enough = if local.head.is_some() || local.spool.is_some() { save.minimum } else { usize::MAX };
    let wait = Wait { enough, impatient: &impatient, interrupted };
    let there: Vec<_> = (0..ids.len()).filter(|&copy| ids[copy].is_ok()).collect();
    let work = |copy: usize, pace: &super::gather::Pace| {
        let id = ids[copy].as_deref().unwrap_or_default();
        let remembered = local.memory.tip(id).and_then(|tip| tip.sure).map(|sure| Remembered {
            record: sure.0,
            length: local.head.as_ref().filter(|head| head.reference() == sure.0).map(|head| head.bytes().len() as u64),
        });
        (copy, look(&*save.copies[copy].store, domain, &key, remembered, FIRST_PAGE, &pace.cancel))
    };
    // If too few others answer, those that rest are waited for, too: one that answers a look may refuse a put.
    let is_good = |(copy, look): &(usize, Result<Look, StoreError>)| look.is_ok() && !impatient[*copy];
    let mut looks: Vec<Option<Result<Look, StoreError>>> = ids.iter().map(|_| None).collect();
    for (copy, (_, look)) in gather(save, &there, &wait, work, is_good)? {
        looks[copy] = Some(look);
    }
    let seen = ids.into_iter().zip(looks).enumerate().map(|(copy, (id, look))| {
        let twice =
            |id: &String| save.copies[..copy].iter().any(|other| other.store.id().is_ok_and(|other| other == *id));
        let is_twin = id.as_ref().is_ok_and(twice);
        let (id, look, why) = match (id, look) {
            (Ok(_), _) if is_twin => (None, None, Some("it is the same place as one before it".to_owned())),
            (Ok(id), Some(Ok(look))) => (Some(id), Some(look), None),
            (Ok(id), Some(Err(error))) => (Some(id), None, Some(reason(&error))),
            (Ok(id), None) => (Some(id), None, Some("it was not waited for".to_owned())),
            (Err(error), _) => (None, None, Some(reason(&error))),
        };
        Seen { id, look, is_usable: false, is_forked: false, is_unsure: false, is_twin, state: CopyState::Away, why }
    });
    Ok(seen.collect())
}

/// Why a store did not do what it was asked, in the words of a summary.
pub(super) fn reason(error: &StoreError) -> String {
    match error.kind() {
        StoreErrorKind::Interrupted => "it was not waited for any longer".to_owned(),
        _ => error.to_string(),
    }
}
