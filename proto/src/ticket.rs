//! Tickets and handles.

use std::collections::HashMap;

use prost::Message;

/// What sealed bytes are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Kind {
    /// Not a kind.
    Unspecified = 0,
    /// Rows of a statement; the ticket of a FlightInfo.
    Query = 1,
    /// A prepared statement.
    Prepared = 2,
    /// The empty answer of a statement that has run.
    Done = 3,
    /// A query that runs and is polled for; the descriptor to poll with.
    Polled = 4,
}

/// A statement with everything that it means.
#[derive(Clone, PartialEq, Message)]
pub struct Statement {
    /// What the bytes are for.
    #[prost(enumeration = "Kind", tag = "1")]
    pub kind: i32,
    /// The text.
    #[prost(string, tag = "2")]
    pub text: String,
    /// The dialect that it is read in.
    #[prost(string, tag = "3")]
    pub dialect: String,
    /// The schema that its unqualified names resolve to.
    #[prost(string, tag = "4")]
    pub schema: String,
    /// Settings that are not at their defaults.
    #[prost(map = "string, string", tag = "5")]
    pub settings: HashMap<String, String>,
    /// Whose it is.
    #[prost(string, tag = "6")]
    pub user: String,
    /// The catalog version that it was planned against; zero for the newest.
    #[prost(uint64, tag = "7")]
    pub version: u64,
    /// Bound parameters: an Arrow IPC stream of one row.
    #[prost(bytes = "vec", optional, tag = "8")]
    pub parameters: Option<Vec<u8>>,
    /// Temporary relations that it may read.
    #[prost(message, repeated, tag = "9")]
    pub temporary: Vec<TemporaryRelation>,
    /// When it stops being valid, in ms since 1970.
    #[prost(int64, tag = "10")]
    pub expires_at_ms: i64,
    /// Unlike that of any other handle.
    #[prost(bytes = "vec", tag = "11")]
    pub id: Vec<u8>,
}

/// A temporary view, with the definition that it had.
#[derive(Clone, PartialEq, Message)]
pub struct TemporaryRelation {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its definition, as `mica_catalog::encode_body` writes it.
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
}

/// Why bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not sealed with this key: made up, damaged, or from another catalog.
    #[error("the ticket or handle is not one of this server's")]
    NotOurs,
    /// Too old.
    #[error("the ticket or handle has expired; run the statement again")]
    Expired,
}

const MAC_BYTES: usize = 32;

/// The bytes of `statement`, which [`open`] reads with the same key.
pub fn seal(statement: &Statement, key: &[u8; 32]) -> Vec<u8> {
    let mut bytes = statement.encode_to_vec();
    let mac = blake3::keyed_hash(key, &bytes);
    bytes.extend_from_slice(mac.as_bytes());
    bytes
}

/// The statement that [`seal`] was given.
///
/// # Errors
/// [`Error::NotOurs`] if a bit differs or the key is another; [`Error::Expired`].
pub fn open(bytes: &[u8], key: &[u8; 32], now_ms: i64) -> Result<Statement, Error> {
    let payload = bytes.len().checked_sub(MAC_BYTES).ok_or(Error::NotOurs)?;
    let (payload, mac) = bytes.split_at(payload);
    let mac: [u8; MAC_BYTES] = mac.try_into().map_err(|_| Error::NotOurs)?;
    // `Hash` compares in constant time.
    if blake3::keyed_hash(key, payload) != blake3::Hash::from_bytes(mac) {
        return Err(Error::NotOurs);
    }
    let statement = Statement::decode(payload).map_err(|_| Error::NotOurs)?;
    match statement.expires_at_ms > now_ms {
        true => Ok(statement),
        false => Err(Error::Expired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            kind: Kind::Query.into(),
            text: "SELECT 1".to_owned(),
            user: "alice".to_owned(),
            expires_at_ms: 1_000,
            ..Statement::default()
        }
    }

    #[test]
    fn what_was_sealed_opens_until_it_expires() {
        let bytes = seal(&statement(), &[7; 32]);
        assert_eq!(open(&bytes, &[7; 32], 999), Ok(statement()));
        assert_eq!(open(&bytes, &[7; 32], 1_000), Err(Error::Expired));
    }

    #[test]
    fn no_changed_bit_and_no_other_key_opens() {
        let bytes = seal(&statement(), &[7; 32]);
        assert_eq!(open(&bytes, &[8; 32], 0), Err(Error::NotOurs));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                open(&changed, &[7; 32], 0),
                Err(Error::NotOurs),
                "bit {bit}"
            );
        }
        for length in 0..bytes.len() {
            assert_eq!(open(&bytes[..length], &[7; 32], 0), Err(Error::NotOurs));
        }
    }
}
