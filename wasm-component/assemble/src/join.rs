//! JavaScript modules as one classic script, which a page can hold and a policy can name by its hash.
//!
//! Each module becomes a function that is called once and gives what it exports. Of the language's imports and exports it
//! takes those that begin a line and name what they mean: `import { a, b as c } from './x.js';`, `import * as x from './x.js';`,
//! `export` before a declaration, `export { a, b as c };` and `export { a } from './x.js';`. All else is refused.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Component, Path, PathBuf};

/// Joins a module and all that it imports. `packages`: what a bare name stands for. `read` gives the text of a file.
pub fn join(entry: &Path, packages: &[(&str, PathBuf)], read: &dyn Fn(&Path) -> Result<String>) -> Result<String> {
    let text = "'use strict';\n(() => {\n".to_owned();
    let mut joined = Joined { packages, read, done: Vec::new(), begun: Vec::new(), text };
    joined.add(entry.to_owned())?;
    Ok(joined.text + "})();\n")
}

struct Joined<'a> {
    packages: &'a [(&'a str, PathBuf)],
    read: &'a dyn Fn(&Path) -> Result<String>,
    /// The modules that are there; a module's variable has its place as a number.
    done: Vec<PathBuf>,
    begun: Vec<PathBuf>,
    text: String,
}

impl Joined<'_> {
    /// Adds a module after those that it imports, unless it is there. Gives its variable.
    fn add(&mut self, path: PathBuf) -> Result<String> {
        if let Some(place) = self.done.iter().position(|done| *done == path) {
            return Ok(format!("module{place}"));
        }
        ensure!(!self.begun.contains(&path), "{}: modules import each other in a circle", path.display());
        self.begun.push(path.clone());
        let source = (self.read)(&path)?;
        let (body, exports) = self.module(&path, &source).with_context(|| path.display().to_string())?;
        let variable = format!("module{}", self.done.len());
        self.done.push(path);
        self.text += &format!("const {variable} = (() => {{\n{body}return {{ {} }};\n}})();\n", exports.join(", "));
        Ok(variable)
    }

    /// The body of a module, and what it exports.
    fn module(&mut self, path: &Path, source: &str) -> Result<(String, Vec<String>)> {
        let (mut body, mut exports) = (String::new(), Vec::new());
        let mut lines = source.lines();
        while let Some(line) = lines.next() {
            let mut statement = line.to_owned();
            let is_list = line.starts_with("import ") || line.starts_with("export {");
            while is_list && !statement.ends_with(';') {
                statement += lines.next().context("an import or export has no end; end it with a semicolon")?.trim();
            }
            if let Some(import) = statement.strip_prefix("import ") {
                let (names, from) =
                    import.split_once(" from ").with_context(|| format!("not understood: {statement}"))?;
                let pattern = match names.strip_prefix("* as ") {
                    Some(name) => name.to_owned(),
                    None => format!("{{ {} }}", listed(names)?.join(", ")),
                };
                let module = self.add(self.resolve(path, from)?)?;
                body += &format!("const {pattern} = {module};\n");
            } else if is_list {
                let export = statement.trim_start_matches("export ");
                match export.split_once(" from ") {
                    Some((names, from)) => {
                        let module = self.add(self.resolve(path, from)?)?;
                        exports
                            .extend(pairs(names)?.into_iter().map(|(name, other)| format!("{other}: {module}.{name}")));
                    }
                    None => {
                        let names = pairs(export.trim_end_matches(';'))?;
                        exports.extend(names.into_iter().map(|(name, other)| format!("{other}: {name}")));
                    }
                }
            } else if let Some(declaration) = statement.strip_prefix("export ") {
                exports.push(declared(declaration)?.to_owned());
                body += &format!("{declaration}\n");
            } else {
                body += &format!("{line}\n");
            }
        }
        Ok((body, exports))
    }

    /// The file that an import names: `'./x.js';`.
    fn resolve(&self, importer: &Path, from: &str) -> Result<PathBuf> {
        let from = from.trim_matches(|character| matches!(character, '\'' | '"' | ';'));
        if let Some((_, path)) = self.packages.iter().find(|(name, _)| *name == from) {
            return Ok(path.clone());
        }
        ensure!(from.starts_with('.'), "'{from}' is neither a file beside it nor a known package");
        let mut path = importer.parent().context("a file lies in a directory")?.to_owned();
        for part in Path::new(from).components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir => ensure!(path.pop(), "'{from}' leads out of the tree"),
                part => path.push(part),
            }
        }
        Ok(path)
    }
}

/// What a declaration declares. Not a variable: what changes later would not change for those who have imported it.
fn declared(declaration: &str) -> Result<&str> {
    let words = declaration.strip_prefix("async ").unwrap_or(declaration);
    let kinds = ["const ", "function* ", "function ", "class "];
    let name = kinds.iter().find_map(|kind| words.strip_prefix(kind)).unwrap_or_default();
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    match name.find(|character| !is_part(character)) {
        Some(end) if end > 0 => Ok(&name[..end]),
        _ => bail!("not understood: export {declaration}"),
    }
}

/// `{ a, b as c }` as pairs of a name and the name it gets.
fn pairs(names: &str) -> Result<Vec<(&str, &str)>> {
    let names = names.trim().strip_prefix('{').and_then(|names| names.strip_suffix('}'));
    let names = names.context("not understood: an import or export that is not by name")?;
    Ok(names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| name.split_once(" as ").unwrap_or((name, name)))
        .collect())
}

/// `{ a, b as c }` as the parts of a pattern: `a`, `b: c`.
fn listed(names: &str) -> Result<Vec<String>> {
    Ok(pairs(names)?.into_iter().map(|(name, other)| format!("{name}: {other}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(files: &[(&str, &str)]) -> Result<String> {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).with_context(|| format!("no {}", path.display()))
        };
        join(Path::new("/a/main.js"), &[("package", PathBuf::from("/p/core.js"))], &read)
    }

    #[test]
    fn each_module_once_and_before_its_importers() {
        let text = joined(&[
            (
                "/a/main.js",
                "import { one,\n  two as second } from './x/one.js';\nimport * as core from 'package';\nsecond();\n",
            ),
            (
                "/a/x/one.js",
                "export { core as one } from 'package';\nexport async function two() {}\nexport class Three {}\n",
            ),
            ("/p/core.js", "const core = 1;\nexport { core };\n"),
        ]);
        let expected = "'use strict';\n(() => {\n\
            const module0 = (() => {\nconst core = 1;\nreturn { core: core };\n})();\n\
            const module1 = (() => {\nasync function two() {}\nclass Three {}\n\
            return { one: module0.core, two, Three };\n})();\n\
            const module2 = (() => {\nconst { one: one, two: second } = module1;\nconst core = module0;\nsecond();\n\
            return {  };\n})();\n})();\n";
        assert_eq!(text.unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |main: &str| format!("{:#}", joined(&[("/a/main.js", main)]).unwrap_err());
        for main in [
            "export default 1;\n",
            "export let a = 1;\n",
            "export const { a } = b;\n",
            "export * from './x.js';\n",
            "import './x.js';\n",
            "import a from 'package';\n",
        ] {
            assert!(refused(main).contains("not understood"), "{main}: {}", refused(main));
        }
        assert!(refused("import { a } from 'other';\n").contains("known package"));
        assert!(refused("import { a } from './main.js';\n").contains("circle"));
        assert!(refused("import { a } from '../../../x.js';\n").contains("out of the tree"));
        assert!(refused("import { a }\n").contains("no end"));
    }
}
