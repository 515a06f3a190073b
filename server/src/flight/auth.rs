//! Who a request is from, and which session it belongs to.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mica_catalog::CATALOG;
use tonic::metadata::MetadataMap;
use tonic::transport::server::TlsConnectInfo;
use tonic::{Extensions, Request};

use super::FlightSql;
use crate::error::{Error, Result};
use crate::session::{Connection, Key, Session};

/// Who may use the server.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Anybody; headers that claim to be somebody are not looked at.
    Open,
    /// One user.
    User {
        /// Its name.
        name: String,
        /// Its password.
        password: Password,
    },
}

/// A password, of which only a hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password(blake3::Hash);

impl Password {
    /// The password of that text.
    pub fn new(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()))
    }

    /// Whether `text` is the password; compared in constant time.
    fn is(&self, text: &str) -> bool {
        self.0 == blake3::hash(text.as_bytes())
    }
}

/// The user of a server that is open to anybody.
const ANONYMOUS: &str = "anonymous";
/// Name of the cookie that carries a session token.
const COOKIE: &str = "mica_session";

/// Drivers pad base64 or do not (arrow-go does not).
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a request says about who it is from.
enum Claim {
    Basic { user: String, password: String },
    Bearer(String),
    None,
}

fn claim(headers: &MetadataMap) -> Claim {
    let Some(value) = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
    else {
        return Claim::None;
    };
    let Some((scheme, rest)) = value.split_once(' ') else {
        return Claim::None;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Claim::Bearer(rest.trim().to_owned());
    }
    let decoded = BASE64.decode(rest.trim()).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    match text.as_deref().and_then(|text| text.split_once(':')) {
        Some((user, password)) if scheme.eq_ignore_ascii_case("basic") => Claim::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        },
        _ => Claim::None,
    }
}

fn cookie(headers: &MetadataMap) -> Option<String> {
    let cookies = headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value.to_owned())
}

fn connection(extensions: &Extensions) -> u64 {
    let plain = extensions.get::<Connection>();
    let tls = || {
        extensions
            .get::<TlsConnectInfo<Connection>>()
            .map(TlsConnectInfo::get_ref)
    };
    plain.or_else(tls).map_or(0, Connection::id)
}

impl Auth {
    /// The user of a login.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    fn login(&self, claim: &Claim) -> Result<String> {
        match (self, claim) {
            (Self::Open, Claim::Basic { user, .. }) if !user.is_empty() => Ok(user.clone()),
            (Self::Open, _) => Ok(ANONYMOUS.to_owned()),
            (
                Self::User { name, password },
                Claim::Basic {
                    user,
                    password: given,
                },
            ) => match user == name && password.is(given) {
                true => Ok(name.clone()),
                false => Err(Error::Unauthenticated {
                    reason: "wrong user or password",
                }),
            },
            (Self::User { .. }, _) => Err(Error::Unauthenticated {
                reason: "a user and a password are needed",
            }),
        }
    }
}

impl FlightSql {
    /// A new session for a handshake, and its token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub(super) fn handshake<T>(&self, request: &Request<T>) -> Result<(String, Arc<Session>)> {
        let claim = claim(request.metadata());
        // A driver with a token shakes hands with it, too.
        if let Claim::Bearer(token) = &claim
            && let Some(session) = self.shared.sessions.get(&Key::Token(token.clone()))
        {
            return Ok((token.clone(), session));
        }
        let user = self.shared.auth.login(&claim)?;
        self.shared.sessions.open(&user)
    }

    /// The session of a request, with the settings in its headers applied.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; what is wrong with a header.
    pub(super) fn session<T>(&self, request: &Request<T>) -> Result<Arc<Session>> {
        let headers = request.metadata();
        let session = self.find_session(headers, request.extensions())?;
        for (header, key) in [
            ("catalog", "catalog"),
            ("database", "schema"),
            ("schema", "schema"),
            ("dialect", "dialect"),
            ("ipc_compression", "ipc_compression"),
        ] {
            let value = headers.get(header).and_then(|value| value.to_str().ok());
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                apply(&session, header, key, value)?;
            }
        }
        Ok(session)
    }

    fn find_session(&self, headers: &MetadataMap, extensions: &Extensions) -> Result<Arc<Session>> {
        let sessions = &self.shared.sessions;
        let claim = claim(headers);
        if let Claim::Bearer(token) = &claim
            && let Some(session) = sessions.get(&Key::Token(token.clone()))
        {
            return Ok(session);
        }
        if let Some(token) = cookie(headers)
            && let Some(session) = sessions.get(&Key::Token(token))
        {
            return Ok(session);
        }
        if let (Auth::User { .. }, Claim::Bearer(_)) = (&self.shared.auth, &claim) {
            return Err(Error::Unauthenticated {
                reason: "the session's token is unknown or has expired; connect again",
            });
        }
        let user = self.shared.auth.login(&claim)?;
        sessions.of_connection(connection(extensions), &user)
    }

    /// What the session of a request is found by.
    pub(super) fn key_of<T>(&self, request: &Request<T>) -> Key {
        if let Claim::Bearer(token) = claim(request.metadata()) {
            let key = Key::Token(token);
            if self.shared.sessions.get(&key).is_some() {
                return key;
            }
        }
        match cookie(request.metadata()) {
            Some(token) => Key::Token(token),
            None => Key::Connection(connection(request.extensions())),
        }
    }
}

/// A header `database` may name the one catalog there is, which is no schema; `catalog` names no other.
fn apply(session: &Session, header: &'static str, key: &'static str, value: &str) -> Result<()> {
    let is_catalog = value.eq_ignore_ascii_case(CATALOG);
    match header {
        "database" | "catalog" if is_catalog => Ok(()),
        "catalog" => Err(Error::Request {
            message: format!("catalog '{value}' does not exist; the only one is '{CATALOG}'"),
        }),
        _ => session.apply_header(key, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Option<(&str, &str)>) {
        let mut headers = MetadataMap::new();
        headers.insert("authorization", header.parse().unwrap());
        let found = match claim(&headers) {
            Claim::Basic { user, password } => Some((user, password)),
            _ => None,
        };
        let expected = expected.map(|(user, password)| (user.to_owned(), password.to_owned()));
        assert_eq!(found, expected, "{header}");
    }

    #[test]
    fn basic_is_read_with_and_without_padding() {
        check("Basic YTpi", Some(("a", "b")));
        check("Basic YWxpY2U6czpl", Some(("alice", "s:e")));
        check("basic YWxpY2U6cw==", Some(("alice", "s")));
        check("basic YWxpY2U6cw", Some(("alice", "s")));
        check("Basic !!!", None);
        check("Bearer None", None);
    }

    #[test]
    fn a_wrong_password_is_refused_and_an_open_server_asks_for_none() {
        let auth = Auth::User {
            name: "alice".to_owned(),
            password: Password::new("secret"),
        };
        let basic = |password: &str| Claim::Basic {
            user: "alice".to_owned(),
            password: password.to_owned(),
        };
        assert_eq!(auth.login(&basic("secret")).unwrap(), "alice");
        assert!(auth.login(&basic("Secret")).is_err());
        assert!(auth.login(&Claim::None).is_err());
        assert_eq!(
            Auth::Open.login(&Claim::Bearer("None".to_owned())).unwrap(),
            ANONYMOUS
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", Password::new("secret")).contains("secret"));
    }
}
