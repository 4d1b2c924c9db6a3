//! The recovery page: one file with all that it needs, and a policy that lets it do nothing else.

use crate::join::join;
use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// The stylesheets, in their order.
const STYLES: [&str; 4] = ["base.css", "steps.css", "inside.css", "sheet.css"];

/// The page made of `sources`, with the component that the npm package in `package` is made of, and the module `qr`, which draws
/// QR codes. The same sources and modules give the same bytes.
pub fn page(sources: &Path, package: &Path, component: &[u8], qr: &[u8]) -> Result<String> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
    let mut style = String::new();
    for name in STYLES {
        style += &read(&sources.join("style").join(name))?;
    }
    let packages = [("sqlite-lifeboat/recovery/core", package.join("src/core.js"))];
    let script = join(&sources.join("src/main.js"), &packages, &read).context("joining the page's modules")?;
    let worker = join(&sources.join("src/worker.js"), &packages, &read).context("joining the worker's modules")?;
    for text in [&style, &script, &worker] {
        ensure!(
            !text.contains("</") && !text.contains("<!--"),
            "the page would end early: a source holds '</' or '<!--'"
        );
        ensure!(!text.contains('\r'), "a source has carriage returns, which browsers leave out before they hash");
    }
    let mut page = read(&sources.join("index.html"))?;
    for (mark, text) in [
        ("policy", policy(&script, &style)),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("component-sha256", hex(&Sha256::digest(component))),
        ("sheet", read(&sources.join("sheet.html"))?),
        ("style", style),
        ("component", modules(&package.join("component"), qr)?),
        ("worker", worker),
        ("page", script),
    ] {
        let mark = format!("{{{{{mark}}}}}");
        ensure!(page.matches(&mark).count() == 1, "index.html must have {mark} once");
        page = page.replace(&mark, &text);
    }
    Ok(page)
}

/// No request of any kind. Only the script and the style of the page itself, and workers that it makes.
fn policy(script: &str, style: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src {} 'wasm-unsafe-eval'; style-src {}; worker-src blob:; img-src data:; base-uri 'none'; \
         form-action 'none'",
        hash(script),
        hash(style)
    )
}

/// The core modules of the component, and the module `qr`, as JSON: by name, packed with gzip, in base64.
fn modules(directory: &Path, qr: &[u8]) -> Result<String> {
    let mut modules = BTreeMap::from([("qr.wasm".to_owned(), qr.to_owned())]);
    for entry in std::fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            let module = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.file_name().and_then(|name| name.to_str()).context("a module's name is text")?;
            ensure!(modules.insert(name.to_owned(), module).is_none(), "two modules have the name {name}");
        }
    }
    ensure!(modules.len() > 1, "no core modules in {}", directory.display());
    let mut packed = Vec::new();
    for (name, module) in modules {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&module)?;
        packed.push(format!("\n\"{name}\": \"{}\"", STANDARD.encode(gzip.finish()?)));
    }
    Ok(format!("{{{}\n}}", packed.join(",")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
