//! Statements that change what another creates: `ALTER ..`, `COMMENT ON ..`.
//!
//! A relation is what its `CREATE` says and what the project's amendments, whatever file they stand
//! in, make of it. So a relation is created again when one of them was added, edited or taken away,
//! and all of them run again behind it.

use std::collections::{BTreeMap, BTreeSet};

use mica_catalog::RelationName;

use super::super::read::Item;

/// The texts of amendments, by relation and file.
#[derive(Debug, Default)]
pub(super) struct Amendments(BTreeMap<RelationName, Vec<(usize, String)>>);

impl Amendments {
    pub(super) fn of<'a>(items: impl Iterator<Item = &'a Item>) -> Self {
        let mut texts: BTreeMap<RelationName, Vec<(usize, String)>> = BTreeMap::new();
        for item in items {
            if let Some(name) = &item.amends {
                let text = item.parsed.text.text.clone();
                texts
                    .entry(name.clone())
                    .or_default()
                    .push((item.file, text));
            }
        }
        Self(texts)
    }

    /// Those of `relations` that stand in other files than `file`.
    pub(super) fn elsewhere(&self, file: usize, relations: &[RelationName]) -> Vec<&str> {
        let names: BTreeSet<&RelationName> = relations.iter().collect();
        let known = names.into_iter().filter_map(|name| self.0.get(name));
        let others = known.flatten().filter(|(at, _)| *at != file);
        others.map(|(_, text)| text.as_str()).collect()
    }
}

/// Whether there may be amendments in `text`; says yes too often. A variable can stand for any word.
pub(super) fn may_amend(text: &str) -> bool {
    text.contains("${")
        || text
            .split(is_between)
            .any(|word| word.eq_ignore_ascii_case("ALTER"))
        || {
            let comments = text.match_indices(['C', 'c']);
            comments.map(|(at, _)| &text[at..]).any(begins_comment_on)
        }
}

fn is_between(ch: char) -> bool {
    !ch.is_alphanumeric() && ch != '_'
}

/// `COMMENT ON`, with a comment or without between the words; that of a column goes on with a text.
fn begins_comment_on(text: &str) -> bool {
    const WORD: &str = "COMMENT";
    let word = text.get(..WORD.len());
    if !word.is_some_and(|word| word.eq_ignore_ascii_case(WORD)) {
        return false;
    }
    let rest = text[WORD.len()..].trim_start();
    let on = rest
        .get(..2)
        .is_some_and(|on| on.eq_ignore_ascii_case("ON"));
    on || rest.starts_with("/*") || rest.starts_with("--")
}

#[cfg(test)]
mod tests {
    use crate::Dialect;
    use crate::project::{ApplyOptions, Report, apply};
    use crate::testing::{Session, project, wait};

    const VIEW: (&str, &str) = ("v.sql", "CREATE VIEW v AS SELECT 1 AS n");
    const EDITED: (&str, &str) = ("v.sql", "CREATE VIEW v AS SELECT 2 AS n");
    const KEY: &str = "ALTER VIEW v ADD PRIMARY KEY (n) NOT ENFORCED;";

    #[track_caller]
    fn applied(session: &Session, files: &[(&str, &str)]) -> Report {
        let (project, options) = (project(files), ApplyOptions::default());
        let executor = &session.executor;
        wait(apply(executor, &project, "alice", options, &(), &|_, _| {})).unwrap()
    }

    #[test]
    fn an_edited_view_keeps_what_other_files_say_of_it() {
        let session = Session::new(Dialect::Ansi);
        let more = ("w.sql", "COMMENT ON VIEW v IS 'one row'");
        applied(&session, &[VIEW, more]);
        applied(&session, &[EDITED, more]);
        let view = session.relation("v");
        assert_eq!(view.body.comment.as_deref(), Some("one row"));
    }

    #[test]
    fn what_is_no_longer_said_of_a_view_is_forgotten() {
        let session = Session::new(Dialect::Ansi);
        applied(&session, &[VIEW, ("w.sql", KEY)]);
        assert_eq!(session.relation("v").body.constraints.len(), 1);
        applied(&session, &[VIEW, ("w.sql", "SELECT 1 AS n")]);
        assert!(session.relation("v").body.constraints.is_empty());
    }

    #[test]
    fn applying_again_commits_nothing() {
        let session = Session::new(Dialect::Ansi);
        applied(&session, &[VIEW]);
        let files = [VIEW, ("w.sql", KEY)];
        let report = applied(&session, &files);
        assert_eq!(report.changes, ["altered view 'default.v'"]);
        assert_eq!(applied(&session, &files).version, None);
    }

    #[test]
    fn a_view_that_ends_as_it_began_is_unchanged() {
        let session = Session::new(Dialect::Ansi);
        applied(&session, &[VIEW, ("w.sql", KEY)]);
        let since = session.relation("v").since;
        let report = applied(&session, &[VIEW, ("w.sql", &format!("-- keys\n{KEY}"))]);
        assert_eq!((report.changes.len(), report.unchanged), (0, 1));
        assert_eq!(session.relation("v").since, since);
    }

    #[test]
    fn altering_a_view_by_hand_keeps_its_keys() {
        let mut session = Session::new(Dialect::Ansi);
        applied(&session, &[VIEW, ("w.sql", KEY)]);
        session.run("ALTER VIEW v AS SELECT 3 AS n");
        assert_eq!(session.relation("v").body.constraints.len(), 1);
    }

    #[test]
    fn amendments_are_looked_for_where_they_may_be() {
        for text in [
            "alter view v owner to u",
            "SELECT 1; Comment\n on view v is 'x'",
            "COMMENT /* why */ ON VIEW v IS 'x'",
            "${verb} VIEW v ADD PRIMARY KEY (n)",
        ] {
            assert!(super::may_amend(text), "{text}");
        }
        assert!(!super::may_amend(
            "CREATE VIEW v (n COMMENT 'on it') AS SELECT altered FROM c"
        ));
    }
}
