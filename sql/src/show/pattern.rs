//! What stands behind `LIKE` in a `SHOW` statement.

use mica_catalog::fold;

use crate::Dialect;

/// Whether `name` is like `pattern`, without case. `*` and `%` stand for anything; `_` for one
/// character, `|` between alternatives is Spark's.
pub(super) fn is_like(pattern: Option<&str>, name: &str, dialect: Dialect) -> bool {
    let Some(pattern) = pattern else {
        return true;
    };
    let name: Vec<char> = fold(name).chars().collect();
    let one = dialect == Dialect::Ansi;
    let pattern = fold(pattern);
    let alternatives = match dialect {
        Dialect::Spark => pattern.split('|').collect(),
        Dialect::Ansi => vec![pattern.as_str()],
    };
    alternatives.iter().any(|pattern| {
        let pattern: Vec<char> = pattern.trim().chars().collect();
        matches(&pattern, &name, one)
    })
}

fn matches(pattern: &[char], name: &[char], one: bool) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*' | '%') => {
                retry = Some((p, n));
                p += 1;
            }
            Some('_') if one => (p, n) = (p + 1, n + 1),
            Some(ch) if *ch == name[n] => (p, n) = (p + 1, n + 1),
            _ => match retry {
                Some((star, at)) => {
                    retry = Some((star, at + 1));
                    (p, n) = (star + 1, at + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|ch| matches!(ch, '*' | '%'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_their_dialect_says() {
        for (pattern, name, dialect, expected) in [
            ("src_*", "SRC_customers", Dialect::Spark, true),
            ("src_%", "src_customers", Dialect::Ansi, true),
            ("a_c", "abc", Dialect::Ansi, true),
            ("a_c", "abc", Dialect::Spark, false),
            ("x|abc", "abc", Dialect::Spark, true),
            ("*b*d", "abcbd", Dialect::Spark, true),
            ("b", "abc", Dialect::Ansi, false),
        ] {
            assert_eq!(
                is_like(Some(pattern), name, dialect),
                expected,
                "{pattern} {name}"
            );
        }
    }
}
