//! The SQL in SQLite's test scripts, which are Tcl programs: the bodies in braces of the commands that run SQL. Loops and
//! conditions around them are passed over, so that each body comes once.

/// The commands; after those that begin with `do_` comes the name of the test.
const COMMANDS: [&str; 5] = ["do_execsql_test", "do_catchsql_test", "execsql", "catchsql", "db eval"];

/// The SQL of a test script, in the order in which it stands there.
pub fn bodies(tcl: &str) -> Vec<&str> {
    let (mut bodies, mut rest) = (Vec::new(), tcl);
    while let Some((at, command)) = COMMANDS.iter().filter_map(|command| Some((rest.find(command)?, command))).min() {
        rest = rest[at + command.len()..].trim_start_matches([' ', '\t']);
        if command.starts_with("do_") {
            let name = braced(rest).map_or_else(|| rest.find([' ', '\n']).unwrap_or(rest.len()), |name| name.len() + 2);
            rest = rest[name..].trim_start_matches([' ', '\t']);
        }
        if let Some(body) = braced(rest) {
            bodies.push(body);
            rest = &rest[body.len() + 2..];
        }
    }
    bodies
}

/// What stands between the brace with which a text begins and the one that closes it. A backslash takes its meaning from a
/// brace.
fn braced(text: &str) -> Option<&str> {
    let (mut depth, mut escaped) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        match (depth, at) {
            (0, 0) => return None,
            (0, _) => return text.get(1..at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::bodies;

    #[test]
    fn sql_is_found_in_tcl() {
        let tcl = "do_test a-1.1 {\n  execsql {CREATE TABLE t(a); -- \\} }\n  db eval \"SELECT $x\"\n} {}\n\
                   do_execsql_test 1.2 {\n  SELECT '{}';\n} {{}}\ndo_catchsql_test {x y} { SELECT 1 } {0 1}\nexecsql [x] {no}";
        assert_eq!(bodies(tcl), ["CREATE TABLE t(a); -- \\} ", "\n  SELECT '{}';\n", " SELECT 1 "]);
        assert_eq!(bodies("execsql {never closed"), [""; 0]);
    }
}
