//! The resource `copies` of `wit/recovery.wit`, in terms of this crate. There are only conversions here.

use super::bindings::exports::lifeboat::recovery::recovery as wit;
use super::exports::{Shared, number};
use super::memory;
use crate::Store;
use lifeboat_core::Result;
use lifeboat_core::log::copies::{
    CopyReport, Damage, LeftOut, Plan, Remarks, Saved, SeriesReport, Standing, Wanted, Which,
};
use lifeboat_core::log::date::date_text;
use lifeboat_core::log::name::{Name, Object};
use zeroize::Zeroizing;

impl wit::GuestCopies for Shared<Store> {
    fn open(key: String, domain: Option<String>, which: wit::Which) -> Result<wit::Copies, wit::Error> {
        let key = Zeroizing::new(key);
        memory::prepare()?;
        Ok(wit::Copies::new(Self::new(Store::open(&key, domain, which_of(&which)?)?)))
    }

    fn add_names(&self, copy: u32, names: Vec<String>) -> Result<(), wit::Error> {
        self.with(|store| store.add_names(copy, &names), |()| ())
    }

    fn next(&self) -> Result<Option<wit::Wanted>, wit::Error> {
        self.with(Store::next, |wanted| wanted.map(wit::Wanted::from))
    }

    fn push(&self, piece: Vec<u8>) -> Result<bool, wit::Error> {
        self.with(|store| store.push(&piece), |more| more)
    }

    fn absent(&self, why: String) -> Result<(), wit::Error> {
        self.with(|store| store.absent(&why), |()| ())
    }

    fn saves(&self) -> Result<Vec<wit::Save>, wit::Error> {
        self.with(Store::saves, |saves| saves.into_iter().map(wit::Save::from).collect())
    }

    fn plan(&self) -> Result<Option<wit::Plan>, wit::Error> {
        self.with(Store::plan, |plan| plan.map(wit::Plan::from))
    }

    fn remarks(&self) -> Result<wit::Remarks, wit::Error> {
        self.with(Store::remarks, wit::Remarks::from)
    }
}

fn which_of(which: &wit::Which) -> Result<Which> {
    match which {
        wit::Which::Newest => Ok(Which::Newest),
        wit::Which::Number(number) => Ok(Which::Number(*number)),
        wit::Which::State(state) => state.parse().map(Which::State),
        wit::Which::At(date) => Which::at(date),
        wit::Which::Log => Ok(Which::Log),
    }
}

impl From<Wanted> for wit::Wanted {
    fn from(Wanted { copy, name }: Wanted) -> Self {
        Self { copy: number(copy), name: name.to_string() }
    }
}

impl From<Saved> for wit::Save {
    fn from(saved: Saved) -> Self {
        let bundle = saved.bundle;
        Self {
            number: saved.record.number,
            record_hash: saved.record.hash.to_string(),
            state_id: saved.state_id.to_string(),
            kind: match bundle {
                None => wit::SaveKind::Mark,
                Some(bundle) if bundle.base.is_none() => wit::SaveKind::Full,
                Some(_) => wit::SaveKind::Delta,
            },
            size: bundle.map(|bundle| bundle.length),
            sha256: bundle.map(|bundle| bundle.sha256.to_string()),
            uuid: bundle.map(|bundle| bundle.sha256.uuid()),
            date: saved.sealed.date.map(date_text),
            writer: saved.sealed.writer,
            label: saved.sealed.label,
        }
    }
}

impl From<Plan> for wit::Plan {
    fn from(plan: Plan) -> Self {
        let name = |object| Name { domain_id: plan.domain_id, object }.to_string();
        let steps = plan.steps.iter().map(|(copy, step)| wit::Step {
            copy: number(*copy),
            name: name(Object::Bundle(step.bundle)),
            size: step.length,
        });
        Self {
            domain_id: plan.domain_id.to_string(),
            verify_key: plan.verify_key.to_string(),
            steps: steps.collect(),
            save: plan.saved.into(),
            left_out: plan.left_out.into_iter().map(wit::LeftOut::from).collect(),
            left_out_more: plan.left_out_more,
        }
    }
}

impl From<LeftOut> for wit::LeftOut {
    fn from(LeftOut { number, saved, why }: LeftOut) -> Self {
        Self { number, save: saved.map(wit::Save::from), why }
    }
}

impl From<SeriesReport> for wit::Series {
    fn from(SeriesReport { domain_id, newest }: SeriesReport) -> Self {
        Self { domain_id: domain_id.to_string(), newest: newest.into() }
    }
}

impl From<CopyReport> for wit::CopyReport {
    fn from(CopyReport { standing, newest, junk }: CopyReport) -> Self {
        let standing = standing.map(|standing| match standing {
            Standing::Current => wit::Standing::Current,
            Standing::Behind => wit::Standing::Behind,
            Standing::Empty => wit::Standing::Empty,
            Standing::Withholds => wit::Standing::Withholds,
            Standing::Forked => wit::Standing::Forked,
        });
        Self { standing, newest: newest.map(wit::Save::from), junk }
    }
}

impl From<Damage> for wit::Unfit {
    fn from(Damage { copy, name, why }: Damage) -> Self {
        Self { copy: number(copy), name: name.to_string(), why }
    }
}

impl From<Remarks> for wit::Remarks {
    fn from(remarks: Remarks) -> Self {
        Self {
            series: remarks.series.into_iter().map(wit::Series::from).collect(),
            foreign: remarks.foreign,
            copies: remarks.copies.into_iter().map(wit::CopyReport::from).collect(),
            unfit: remarks.damaged.into_iter().map(wit::Unfit::from).collect(),
            unfit_more: remarks.damaged_more,
            junk: remarks.junk,
        }
    }
}
