//! The hosts: each finds a state in copies, and recovers it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use lifeboat_host_tests::corpus::package;
use lifeboat_host_tests::packages;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scene::{Scene, files};
use crate::wasi;
use crate::wasm::{Instance, PIECE, Standing, Which, case};

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The copies, by their names in the scene.
    pub copies: Vec<String>,
    pub key: String,
    pub domain: Option<String>,
    pub seq: Option<u64>,
    pub state: Option<String>,
    pub at: Option<String>,
}

/// What comes of it: `number`, `state_id`, `left_out`, `steps`, `standing`, `unfit`, `sha256` of the database; or `error` and
/// `message`.
pub type Answer = Value;

/// The component in wasmtime, with a host's loop of its own.
pub fn component(scene: &Scene, asked: &Question) -> Answer {
    let which = match (&asked.seq, &asked.state, &asked.at) {
        (Some(number), _, _) => Which::Number(*number),
        (_, Some(state), _) => Which::State(state.clone()),
        (_, _, Some(date)) => Which::At(date.clone()),
        _ => Which::Newest,
    };
    let mut instance = Instance::new(64 << 20);
    let mut ask = || {
        let copies = instance.copies_open(&asked.key, asked.domain.as_deref(), &which)?;
        for (number, copy) in (0..).zip(&asked.copies) {
            let names: Vec<String> = files(&scene.path(copy)).into_iter().collect();
            instance.copies_add_names(copies, number, &names)?;
        }
        while let Some(wanted) = instance.copies_next(copies)? {
            let path = scene.path(&asked.copies[wanted.copy as usize]).join(&wanted.name);
            let bytes = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            for piece in bytes.chunks(1000) {
                if !instance.copies_push(copies, piece)? {
                    break;
                }
            }
        }
        let plan = instance.copies_plan(copies)?.expect("a state was asked for");
        let remarks = instance.copies_remarks(copies)?;
        let bundles: Vec<Vec<u8>> = plan
            .steps
            .iter()
            .map(|step| {
                fs::read(scene.path(&asked.copies[step.copy as usize]).join(&step.name)).expect("it was just read")
            })
            .collect();
        let mut hash = Sha256::new();
        let recovered =
            Instance::new(1 << 30).recover_chain(&bundles, &asked.key, PIECE, |piece| hash.update(piece))?;
        assert_eq!(recovered.summary.report.state_id, plan.save.state_id);
        let standing = remarks.copies.iter().map(|copy| match copy.standing {
            Some(Standing::Current) => "current",
            Some(Standing::Behind) => "behind",
            Some(Standing::Empty) => "empty",
            Some(Standing::Withholds) => "withholds",
            Some(Standing::Forked) => "forked",
            None => "unknown",
        });
        Ok(json!({
            "number": plan.save.number,
            "state_id": plan.save.state_id,
            "date": plan.save.date,
            "writer": plan.save.writer,
            "label": plan.save.label,
            "uuid": plan.save.uuid,
            "left_out": plan.left_out.iter().map(|left| json!([left.number, left.why])).collect::<Vec<_>>(),
            "steps": plan.steps.iter().map(|step| json!([step.copy, step.name, step.size])).collect::<Vec<_>>(),
            "standing": standing.collect::<Vec<_>>(),
            "unfit": remarks.unfit.iter().map(|unfit| json!([unfit.name, unfit.why])).collect::<Vec<_>>(),
            "junk": remarks.copies.iter().map(|copy| copy.junk).collect::<Vec<_>>(),
            "sha256": hex(&hash.finalize()),
        }))
    };
    ask().unwrap_or_else(|error: crate::wasm::Error| {
        let (kind, message) = case(&error);
        json!({ "error": kind.replace('-', " "), "message": message })
    })
}

/// The command.
pub fn command(scene: &Scene, asked: &Question) -> Answer {
    fs::write(scene.path("asked.key"), &asked.key).expect("there is room");
    let _ = fs::remove_file(scene.path("out.db"));
    let mut arguments = vec!["recover"];
    arguments.extend(asked.copies.iter().map(String::as_str));
    arguments.extend(["--key-file", "asked.key", "--out", "out.db", "--json"]);
    let seq = asked.seq.map(|seq| seq.to_string());
    for (option, value) in
        [("--domain", &asked.domain), ("--seq", &seq), ("--state", &asked.state), ("--at", &asked.at)]
    {
        arguments.extend(value.iter().flat_map(|value| [option, value.as_str()]));
    }
    let run = wasi::run(&arguments, scene.directory(), b"");
    let last = run.err.lines().last().unwrap_or_default().to_owned();
    // Not each runtime passes on codes.
    let is_older =
        matches!(run.code, 1 | 10) && last.starts_with("lifeboat-cli: incomplete: this is an older state, number ");
    if run.code != 0 && !is_older {
        assert!(!scene.path("out.db").exists() && run.out.is_empty(), "{run:?}");
        let said = last.strip_prefix("lifeboat-cli: ").unwrap_or_else(|| panic!("{run:?}"));
        let (kind, message) = said.split_once(": ").unwrap_or_else(|| panic!("{run:?}"));
        return json!({ "error": kind, "message": message });
    }
    let report: Value = serde_json::from_str(&run.out).expect("a report is JSON");
    let series = &report["series"];
    assert_eq!(
        (series["older"].as_bool(), &series["save"]["state-id"]),
        (Some(is_older), &report["summary"]["report"]["state-id"])
    );
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let place = |directory: &Value| asked.copies.iter().position(|copy| directory == copy);
    json!({
        "number": series["save"]["number"],
        "state_id": series["save"]["state-id"],
        "date": series["save"]["date"],
        "writer": series["save"]["writer"],
        "label": series["save"]["label"],
        "uuid": series["save"]["uuid"],
        "left_out": list(&series["left-out"]).iter().map(|left| json!([left["number"], left["why"]])).collect::<Vec<_>>(),
        "steps": list(&series["steps"]).iter().map(|step| json!([place(&step["directory"]), step["name"], step["size"]])).collect::<Vec<_>>(),
        "standing": list(&series["copies"]).iter().map(|copy| copy["standing"].clone()).collect::<Vec<_>>(),
        "unfit": list(&series["unfit"]).iter().map(|unfit| json!([unfit["name"], unfit["why"]])).collect::<Vec<_>>(),
        "junk": list(&series["copies"]).iter().map(|copy| copy["junk"].clone()).collect::<Vec<_>>(),
        "sha256": hex(&Sha256::digest(fs::read(scene.path("out.db")).expect("it was written"))),
    })
}

/// A program that answers questions, a line of JSON each.
fn script(mut command: Command, scene: &Scene, questions: &[Question]) -> Vec<Answer> {
    let name = format!("{command:?}");
    let asked = questions.iter().map(|asked| {
        json!({
            "copies": asked.copies.iter().map(|copy| scene.path(copy)).collect::<Vec<_>>(),
            "key": asked.key,
            "out": scene.path("script.db"),
            "domain": asked.domain,
            "seq": asked.seq,
            "state": asked.state,
            "at": asked.at,
        })
    });
    let asked = Value::Array(asked.collect()).to_string();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{name}: {e}; is it installed?"));
    child.stdin.take().expect("it is piped").write_all(asked.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it was started");
    assert!(output.status.success(), "{name}: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{name}: {e}: {line}"))).collect()
}

/// Node, with the npm package.
pub fn node(scene: &Scene, questions: &[Question]) -> Vec<Answer> {
    let mut node = Command::new("node");
    node.arg(package().join("everywhere/copies.mjs")).arg(packages::built());
    script(node, scene, questions)
}

/// Python, with the wheel, which runs the command.
pub fn python(scene: &Scene, questions: &[Question]) -> Vec<Answer> {
    let mut python = Command::new("/usr/bin/python3");
    python.arg(package().join("everywhere/copies.py")).env("PYTHONPATH", packages::python());
    script(python, scene, questions)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where the command wrote the database.
pub fn written(scene: &Scene) -> impl AsRef<Path> {
    scene.path("out.db")
}
