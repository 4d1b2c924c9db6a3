//! What hosts answer, and where they differ.

use std::collections::BTreeMap;

use lifeboat_host_tests::cases::{Case, Job};
use serde_json::{Map, Value, json};

/// What came of a job: an object of fields, with `error` where it was refused. All but `said`, a message in words of the
/// host's own, are compared.
pub type Outcome = Map<String, Value>;
/// By the name of the case, what came of each job.
pub type Answers = BTreeMap<String, BTreeMap<Job, Outcome>>;

/// A host, and what it has to tell.
#[derive(Clone, Copy)]
pub struct Host {
    pub name: &'static str,
    /// The jobs that it does, with the fields that it tells when all is well.
    pub jobs: &'static [(Job, &'static [&'static str])],
    /// The fields that it tells of an error.
    pub error: &'static [&'static str],
}

impl Host {
    /// What it tells of a job; none: it does not do that.
    pub fn tells(&self, job: Job) -> Option<&'static [&'static str]> {
        self.jobs.iter().find(|(done, _)| *done == job).map(|(_, fields)| *fields)
    }
}

pub const AUDIT: &[&str] =
    &["state_id", "base_id", "domain_id", "verify_key", "authentic", "bytes", "chunks", "bundles"];
pub const INSPECT: &[&str] = &[
    "state_id",
    "domain",
    "domain_proven",
    "application_id",
    "user_version",
    "encoding",
    "tables",
    "schema",
    "selection",
];

/// An outcome from JSON.
pub fn outcome(fields: Value) -> Outcome {
    match fields {
        Value::Object(fields) => fields,
        other => panic!("an outcome is an object, not {other}"),
    }
}

/// A job that was refused, in the component's words.
pub fn refused(kind: &str, message: &str) -> Outcome {
    outcome(json!({ "error": kind, "message": message }))
}

/// The number of rows of each table.
pub fn tables<'a>(tables: impl IntoIterator<Item = (&'a str, u64)>) -> Value {
    tables.into_iter().map(|(name, rows)| (name.to_owned(), json!(rows))).collect::<Map<_, _>>().into()
}

/// Where hosts do not do what has to come out, or do not agree; each with its case, its job and its hosts.
pub fn differences(cases: &[Case], answers: &[(Host, Answers)]) -> Vec<String> {
    cases.iter().flat_map(|case| case.outcome.keys().flat_map(|job| of_job(case, *job, answers))).collect()
}

fn of_job(case: &Case, job: Job, answers: &[(Host, Answers)]) -> Vec<String> {
    let mut found = Vec::new();
    let mut fields: BTreeMap<&str, Vec<(String, Value)>> = BTreeMap::new();
    let at = format!("{} ({job:?})", case.name);
    for (host, answers) in answers {
        let Some(told) = host.tells(job) else { continue };
        let Some(outcome) = answers.get(&case.name).and_then(|jobs| jobs.get(&job)) else {
            found.push(format!("{at}: {} does not answer", host.name));
            continue;
        };
        let expected = case.outcome[&job].as_str();
        let kind = outcome.get("error").and_then(Value::as_str).unwrap_or("ok");
        if kind != expected {
            found.push(format!("{at}: {} should be {expected}: {}", host.name, Value::Object(outcome.clone())));
        }
        let told = if kind == "ok" { told } else { host.error };
        found.extend(
            told.iter()
                .filter(|field| !outcome.contains_key(**field))
                .map(|field| format!("{at}: {} tells no {field}", host.name)),
        );
        for (field, value) in outcome.iter().filter(|(field, _)| *field != "said") {
            let value = if field == "message" { without_place(value) } else { value.clone() };
            fields.entry(field).or_default().push((host.name.to_owned(), value));
        }
    }
    let state = serde_json::to_value(&case.state).expect("a state is JSON");
    for (field, mut values) in fields {
        let known = state.get(field).filter(|value| !value.is_null());
        values.extend(known.map(|value| ("what was exported".to_owned(), value.clone())));
        if values.iter().any(|(_, value)| *value != values[0].1) {
            let sides: Vec<String> = values.iter().map(|(host, value)| format!("  {host}: {value}")).collect();
            found.push(format!("{at}: {field} differs:\n{}", sides.join("\n")));
        }
    }
    found
}

/// A message without the number of the bundle in its chain, which some hosts put before it; and, of what is not a key, without
/// what a host takes besides.
fn without_place(message: &Value) -> Value {
    let mut text = message.as_str().unwrap_or("");
    for forms in ["; give the text that ", "; for the key in a file, write 'file:PATH'"] {
        text = text.split_once(forms).map_or(text, |(text, _)| text);
    }
    while let Some((place, rest)) = text.split_once(": ")
        && place.starts_with("bundle ")
        && place.ends_with(" of the chain")
    {
        text = rest;
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lifeboat_host_tests::cases::State;

    const ONE: Host = Host { name: "one", jobs: &[(Job::Recover, &["state_id"])], error: &["message"] };
    const OTHER: Host = Host { name: "other", jobs: &[(Job::Recover, &["state_id"])], error: &[] };

    fn case(kind: &str) -> Case {
        Case {
            outcome: BTreeMap::from([(Job::Recover, kind.to_owned())]),
            state: State { state_id: Some("a".to_owned()), ..State::default() },
            ..Case::of("made up", &[])
        }
    }

    fn compared(kind: &str, one: Value, other: Value) -> Vec<String> {
        let answers = |value| Answers::from([("made up".to_owned(), BTreeMap::from([(Job::Recover, outcome(value))]))]);
        differences(&[case(kind)], &[(ONE, answers(one)), (OTHER, answers(other))])
    }

    #[test]
    fn those_who_agree_do_not_differ() {
        let good = json!({ "state_id": "a", "database_sha256": "1" });
        assert!(compared("ok", good.clone(), good.clone()).is_empty());
        assert!(compared("ok", good, json!({ "state_id": "a" })).is_empty(), "what one host alone tells");
        let refusal = json!({ "error": "corrupt", "message": "why", "said": "why?" });
        assert!(compared("corrupt", refusal.clone(), json!({ "error": "corrupt", "said": "corrupt: why" })).is_empty());
        let placed = json!({ "error": "corrupt", "message": "bundle 2 of the chain: why" });
        assert!(compared("corrupt", refusal.clone(), placed).is_empty());
        let remedy =
            json!({ "error": "corrupt", "message": "why; give the text that backup_keygen() made, or 'file:PATH'" });
        assert!(compared("corrupt", refusal, remedy).is_empty());
    }

    /// Each difference names the case, the job, the hosts and what both said.
    #[test]
    fn each_difference_is_told() {
        let good = || json!({ "state_id": "a", "database_sha256": "1", "tables": { "t": 1 } });
        let with = |field: &str, value: Value| {
            let mut changed = good();
            changed[field] = value;
            changed
        };
        for (kind, one, other, words) in [
            (
                "ok",
                good(),
                with("database_sha256", json!("2")),
                "database_sha256 differs:\n  one: \"1\"\n  other: \"2\"",
            ),
            ("ok", good(), with("tables", json!({ "t": 2 })), "tables differs"),
            ("ok", json!({ "state_id": "b" }), json!({ "state_id": "b" }), "what was exported: \"a\""),
            ("ok", good(), json!({ "tables": { "t": 1 } }), "other tells no state_id"),
            ("ok", good(), json!({ "error": "corrupt" }), "other should be ok: {\"error\":\"corrupt\"}"),
            ("corrupt", json!({ "error": "corrupt", "message": "" }), good(), "other should be corrupt"),
            ("corrupt", json!({ "error": "corrupt" }), json!({ "error": "corrupt" }), "one tells no message"),
            (
                "corrupt",
                json!({ "error": "corrupt", "message": "a" }),
                json!({ "error": "corrupt", "message": "b" }),
                "message differs",
            ),
        ] {
            let found = compared(kind, one, other);
            assert!(found.iter().any(|text| text.contains(words)), "{words}: {found:?}");
            assert!(found.iter().all(|text| text.starts_with("made up (Recover): ")), "{found:?}");
        }
    }

    #[test]
    fn a_case_that_a_host_leaves_out_is_a_difference() {
        let found = differences(&[case("ok")], &[(ONE, Answers::new())]);
        assert_eq!(found, ["made up (Recover): one does not answer"]);
    }
}
