//! Names: spelled as written, compared without case.

use std::fmt;

/// The form in which names are compared: Unicode lower case.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// One part of a qualified name. Two names are the same name when they fold alike.
#[derive(Clone)]
pub struct Name {
    spelling: Box<str>,
    folded: Option<Box<str>>,
}

impl Name {
    /// The name as it was written.
    pub fn new(spelling: impl Into<Box<str>>) -> Self {
        let spelling = spelling.into();
        let folded = fold(&spelling);
        let folded = (*folded != *spelling).then(|| folded.into_boxed_str());
        Self { spelling, folded }
    }

    /// As written, for people.
    pub fn as_str(&self) -> &str {
        &self.spelling
    }

    /// As compared.
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.spelling)
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Name {}

impl std::hash::Hash for Name {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.spelling, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelling)
    }
}

impl From<&str> for Name {
    fn from(spelling: &str) -> Self {
        Self::new(spelling)
    }
}

/// `schema.relation`; the catalog part is always [`crate::CATALOG`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    /// The schema that holds the relation.
    pub schema: Name,
    /// The table or view.
    pub relation: Name,
}

impl RelationName {
    /// A name from its two parts.
    pub fn new(schema: impl Into<Name>, relation: impl Into<Name>) -> Self {
        Self {
            schema: schema.into(),
            relation: relation.into(),
        }
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.relation)
    }
}

/// At most three of `candidates` that look like `wanted`, best first: what an error offers after
/// "does not exist".
pub fn near_matches<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    const LIKENESS_MIN: f64 = 0.75;
    const OFFERED_MAX: usize = 3;
    let wanted = fold(wanted);
    let mut scored: Vec<(f64, &str)> = candidates
        .map(|candidate| (strsim::jaro_winkler(&wanted, &fold(candidate)), candidate))
        .filter(|(score, _)| *score >= LIKENESS_MIN)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(OFFERED_MAX);
    scored
        .into_iter()
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_and_keep_their_spelling() {
        let name = Name::from("Kunde_ÄÖ");
        assert_eq!(name, Name::from("KUNDE_äö"));
        assert_eq!(name.to_string(), "Kunde_ÄÖ");
    }

    #[test]
    fn near_matches_offers_the_likeliest_first() {
        let names = ["src_customers", "src_customer", "orders"];
        let near = near_matches("src_custmers", names.into_iter());
        assert_eq!(near, ["src_customers", "src_customer"]);
    }
}
