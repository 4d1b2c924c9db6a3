//! A component as JavaScript: core modules that every engine runs, the glue between them, and its types for TypeScript.

use anyhow::{Context, Result, bail, ensure};
use js_component_bindgen::{InstantiationMode, TranspileOpts};

/// The files, by name. `recovery.js` exports `instantiate(getCoreModule, imports)`. `getCoreModule(name)` gives the compiled
/// `WebAssembly.Module` of the file of that name, or a promise of it: from a disk, an address, or bytes within a page.
/// `imports` is `{}`: the component has none.
pub fn transpile(component: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let options = TranspileOpts::builder()
        .name("recovery".into())
        .instantiation_mode(InstantiationMode::Async)
        .nodejs_compat_disabled(true)
        .no_namespaced_exports(true)
        .build();
    let mut made = js_component_bindgen::transpile(component, options)?;
    ensure!(made.imports.is_empty(), "it would import {}", made.imports.join(", "));
    let (_, glue) = made.files.iter_mut().find(|(name, _)| name == "recovery.js").context("the glue is missing")?;
    *glue = mend(std::str::from_utf8(glue)?)?.into_bytes();
    Ok(made.files)
}

/// What the transpiler writes, what it has to be, and why. Each must be there exactly once.
const MENDED: &[(&str, &str, &str)] = &[
    (
        "new TextDecoder()",
        "new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })",
        "else a text that begins with U+FEFF loses it",
    ),
    (
        "realloc0 = exports1.cabi_realloc;\n",
        "realloc0 = (...args) => exports1.cabi_realloc(...args) >>> 0;\n",
        "else an address beyond 2 GiB is negative",
    ),
    ("if (!globalThis?.process?.env?.JCO_DEBUG) { return; }\n    console.debug(...args);\n", "", "nothing is logged"),
    (
        "const fetchCompile = url => fetch(url).then(WebAssembly.compileStreaming);\n",
        "",
        "the glue is told where the modules are, and fetches nothing",
    ),
    (
        "if (!getCoreModule) getCoreModule = (name) => fetchCompile(new URL(`./${name}`, import.meta.url));\n",
        "",
        "the same; and without import.meta it runs in classic scripts, too",
    ),
];

fn mend(glue: &str) -> Result<String> {
    let mut glue = glue.to_owned();
    for (from, to, why) in MENDED {
        let count = glue.matches(from).count();
        ensure!(count == 1, "the transpiler writes {from:?} {count} times, not once; it is mended because {why}");
        glue = glue.replace(from, to);
    }
    without_indents(&glue)
}

/// The same without spaces at the beginnings of lines: they are two fifths of it, and the recovery page has all of it.
fn without_indents(glue: &str) -> Result<String> {
    let spans_lines = |line: &&str| line.matches('`').count() % 2 == 1 || line.ends_with('\\');
    if let Some(line) = glue.lines().find(spans_lines) {
        bail!("a text of the glue may go on in the next line, where spaces matter: {line:?}");
    }
    Ok(glue.lines().map(|line| line.trim_start().to_owned() + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::without_indents;

    #[test]
    fn spaces_go_where_they_mean_nothing() {
        assert_eq!(without_indents("a {\n  b(` c `);\n}\n").unwrap(), "a {\nb(` c `);\n}\n");
        assert!(without_indents("a(`\n  b`)").is_err());
        assert!(without_indents("a('b\\\n  c')").is_err());
    }
}
