//! Sessions: found by bearer token, else by cookie, else by connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mica_sql::SessionContext;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Sessions that are open.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sessions: Mutex<HashMap<Key, Arc<Session>>>,
    ttl: Duration,
    sessions_max: usize,
}

/// What a session is found by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A token that a handshake gave.
    Token(String),
    /// A connection, by the number it got when it was accepted.
    Connection(u64),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Whoever has it is the user.
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Connection(number) => write!(f, "Connection({number})"),
        }
    }
}

/// A session.
#[derive(Debug)]
pub struct Session {
    context: Mutex<Arc<SessionContext>>,
    /// Values of request headers that were applied already.
    headers: Mutex<HashMap<&'static str, String>>,
    last_used: Mutex<Instant>,
}

impl Session {
    fn new(user: &str) -> Self {
        let context = SessionContext {
            user: user.to_owned(),
            ..SessionContext::default()
        };
        Self {
            context: Mutex::new(Arc::new(context)),
            headers: Mutex::default(),
            last_used: Mutex::new(Instant::now()),
        }
    }

    /// Dialect, schema, settings, temporary views and user, as of now.
    pub fn context(&self) -> Arc<SessionContext> {
        Arc::clone(&self.context.lock())
    }

    /// Replaces them with `after`, which was made from `before`. Returns whether it did: not if
    /// another statement of the session was first, and then `after` is to be made again.
    pub fn replace(&self, before: &Arc<SessionContext>, after: SessionContext) -> bool {
        let mut context = self.context.lock();
        let unchanged = Arc::ptr_eq(&context, before);
        if unchanged {
            *context = Arc::new(after);
        }
        unchanged
    }

    /// Changes them at once.
    pub fn update<T>(&self, change: impl FnOnce(&mut SessionContext) -> T) -> T {
        change(Arc::make_mut(&mut self.context.lock()))
    }

    /// Applies a setting that came as a request header, if its value is not the one applied last:
    /// drivers repeat headers on every call, and `USE` must not be undone by the next one.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn apply_header(&self, key: &'static str, value: &str) -> Result<()> {
        let mut headers = self.headers.lock();
        if headers.get(key).is_some_and(|applied| applied == value) {
            return Ok(());
        }
        self.update(|context| context.scope.set(key, value))?;
        headers.insert(key, value.to_owned());
        Ok(())
    }

    fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }
}

impl Sessions {
    /// No sessions yet. One that is not used for `ttl` ends.
    pub fn new(ttl: Duration, sessions_max: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                sessions: Mutex::default(),
                ttl,
                sessions_max,
            }),
        }
    }

    /// A new session for a login, and the token that it is found by.
    ///
    /// # Errors
    /// [`Error::TooManySessions`].
    pub fn open(&self, user: &str) -> Result<(String, Arc<Session>)> {
        let token = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let session = self.insert(Key::Token(token.clone()), user)?;
        Ok((token, session))
    }

    /// The session of a key, if it is open.
    pub fn get(&self, key: &Key) -> Option<Arc<Session>> {
        let session = self.inner.sessions.lock().get(key).cloned()?;
        session.touch();
        Some(session)
    }

    /// The session of a connection, opened if it is not.
    ///
    /// # Errors
    /// [`Error::TooManySessions`].
    pub fn of_connection(&self, connection: u64, user: &str) -> Result<Arc<Session>> {
        let key = Key::Connection(connection);
        match self
            .get(&key)
            .filter(|session| session.context().user == user)
        {
            Some(session) => Ok(session),
            None => self.insert(key, user),
        }
    }

    fn insert(&self, key: Key, user: &str) -> Result<Arc<Session>> {
        let mut sessions = self.inner.sessions.lock();
        if sessions.len() >= self.inner.sessions_max {
            let ttl = self.inner.ttl;
            sessions.retain(|_, session| session.last_used.lock().elapsed() < ttl);
        }
        if sessions.len() >= self.inner.sessions_max {
            return Err(Error::TooManySessions {
                sessions: sessions.len(),
            });
        }
        let session = Arc::new(Session::new(user));
        sessions.insert(key, Arc::clone(&session));
        Ok(session)
    }

    /// Ends a session. Ending one that is not open is fine.
    pub fn close(&self, key: &Key) {
        self.inner.sessions.lock().remove(key);
    }

    /// Ends the sessions that nobody used for long.
    pub fn expire(&self) {
        let ttl = self.inner.ttl;
        let mut sessions = self.inner.sessions.lock();
        sessions.retain(|_, session| session.last_used.lock().elapsed() < ttl);
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.inner.sessions.lock().len()
    }
}

/// A connection, by the number that it got when it was accepted. The session that is bound to it
/// ends with it.
#[derive(Clone, Debug)]
pub struct Connection {
    bound: Arc<Bound>,
}

#[derive(Debug)]
struct Bound {
    id: u64,
    sessions: Sessions,
}

impl Drop for Bound {
    fn drop(&mut self) {
        self.sessions.close(&Key::Connection(self.id));
    }
}

impl Connection {
    /// A new connection, with a number that no other has.
    pub fn new(sessions: &Sessions) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            bound: Arc::new(Bound {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                sessions: sessions.clone(),
            }),
        }
    }

    /// Its number.
    pub fn id(&self) -> u64 {
        self.bound.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_header_does_not_undo_use() {
        let session = Session::new("alice");
        session.apply_header("schema", "one").unwrap();
        session
            .update(|context| context.scope.set("schema", "two"))
            .unwrap();
        session.apply_header("schema", "one").unwrap();
        assert_eq!(session.context().scope.schema, "two");
        session.apply_header("schema", "three").unwrap();
        assert_eq!(session.context().scope.schema, "three");
    }

    #[test]
    fn what_was_made_from_an_older_context_does_not_replace_a_newer_one() {
        let session = Session::new("alice");
        let before = session.context();
        let set = |context: &mut SessionContext| context.scope.set("schema", "one");
        session.update(set).unwrap();
        assert!(!session.replace(&before, (*before).clone()));
        assert_eq!(session.context().scope.schema, "one");
        let before = session.context();
        assert!(session.replace(&before, SessionContext::default()));
    }

    #[test]
    fn a_session_ends_with_its_connection() {
        let sessions = Sessions::new(Duration::from_secs(60), 10);
        let connection = Connection::new(&sessions);
        sessions.of_connection(connection.id(), "alice").unwrap();
        assert_eq!(sessions.count(), 1);
        drop(connection);
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn too_many_sessions_are_refused_until_old_ones_expire() {
        let sessions = Sessions::new(Duration::ZERO, 1);
        sessions.open("alice").unwrap();
        sessions.open("bob").unwrap();
        let sessions = Sessions::new(Duration::from_secs(60), 1);
        sessions.open("alice").unwrap();
        assert!(matches!(
            sessions.open("bob"),
            Err(Error::TooManySessions { .. })
        ));
    }
}
