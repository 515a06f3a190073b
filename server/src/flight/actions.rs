//! DoAction: prepared statements and sessions.

use std::collections::HashMap;
use std::pin::Pin;

use arrow_flight::sql::{
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, Any, ProstMessageExt,
};
use arrow_flight::{Action, ActionType};
use futures::{Stream, StreamExt};
use mica_catalog::CATALOG;
use mica_proto::{
    CloseSessionResult, CloseStatus, GetSessionOptionsResult, OptionError, OptionErrorKind,
    SessionOption, SessionOptionValue, SetSessionOptionsRequest, SetSessionOptionsResult,
};
use mica_sql::SessionContext;
use prost::Message;
use tonic::{Request, Status};

use super::FlightSql;
use super::put::{refuse_transaction, unsupported};
use crate::error::{Error, Result};
use crate::session::Session;

/// A stream of an action's results.
pub(super) type ActionStream =
    Pin<Box<dyn Stream<Item = Result<arrow_flight::Result, Status>> + Send>>;

/// Name and description of each action.
const ACTIONS: [(&str, &str); 8] = [
    (
        "CreatePreparedStatement",
        "Plans a statement and gives a reusable handle.",
    ),
    (
        "ClosePreparedStatement",
        "Forgets what is bound to a handle.",
    ),
    (
        "CancelQuery",
        "Cancels a query; CancelFlightInfo has replaced it.",
    ),
    (
        "CancelFlightInfo",
        "Cancels a query; dropping its stream does so, too.",
    ),
    (
        "SetSessionOptions",
        "Sets the session's catalog, schema and settings.",
    ),
    (
        "GetSessionOptions",
        "Gives the session's catalog, schema and settings.",
    ),
    ("CloseSession", "Ends the session."),
    (
        "RenewFlightEndpoint",
        "Makes a ticket valid for as long again.",
    ),
];

/// The actions that the server knows.
pub(super) fn list() -> impl Iterator<Item = ActionType> {
    ACTIONS.into_iter().map(|(name, description)| ActionType {
        r#type: name.to_owned(),
        description: description.to_owned(),
    })
}

/// The message in an action's body.
pub(super) fn unpack<M: Message + ProstMessageExt + Default>(body: &[u8]) -> Result<M> {
    let bad = |reason: String| Error::Request {
        message: format!("the action's body cannot be read: {reason}"),
    };
    let any = Any::decode(body).map_err(|error| bad(error.to_string()))?;
    let message = any.unpack().map_err(|error| bad(error.to_string()))?;
    message.ok_or_else(|| bad("it is another message".to_owned()))
}

impl FlightSql {
    pub(super) async fn action(&self, request: Request<Action>) -> Result<ActionStream> {
        let session = self.session(&request)?;
        let action = request.get_ref();
        let body: Option<Vec<u8>> = match action.r#type.as_str() {
            "CreatePreparedStatement" => {
                let message: ActionCreatePreparedStatementRequest = unpack(&action.body)?;
                refuse_transaction(message.transaction_id.as_deref())?;
                Some(self.create_prepared(&session, &message.query).await?)
            }
            "ClosePreparedStatement" => {
                let message: ActionClosePreparedStatementRequest = unpack(&action.body)?;
                self.close_prepared(&session, &message.prepared_statement_handle);
                None
            }
            "CancelQuery" => Some(self.cancel_query(&session, &action.body)?),
            "CancelFlightInfo" => Some(self.cancel_flight_info(&session, &action.body)?),
            "RenewFlightEndpoint" => Some(self.renew(&session, &action.body)?),
            "SetSessionOptions" => Some(set_options(&session, &action.body)?.encode_to_vec()),
            "GetSessionOptions" => Some(get_options(&session).encode_to_vec()),
            "CloseSession" => {
                self.shared.sessions.close(&self.key_of(&request));
                let status = CloseStatus::Closed.into();
                Some(CloseSessionResult { status }.encode_to_vec())
            }
            other => return Err(unsupported(&format!("the action '{other}'"))),
        };
        let results = body
            .into_iter()
            .map(|body| Ok(arrow_flight::Result { body: body.into() }));
        Ok(futures::stream::iter(results.collect::<Vec<_>>()).boxed())
    }
}

/// Sets what can be set, and tells of the rest.
fn set_options(session: &Session, body: &[u8]) -> Result<SetSessionOptionsResult> {
    let request = SetSessionOptionsRequest::decode(body).map_err(|error| Error::Request {
        message: format!("the action's body cannot be read: {error}"),
    })?;
    let mut errors = HashMap::new();
    for (key, option) in request.session_options {
        let value = text_of(option.value);
        if let Err(kind) = session.update(|context| set_option(context, &key, value)) {
            errors.insert(key, OptionError { value: kind.into() });
        }
    }
    Ok(SetSessionOptionsResult { errors })
}

/// Sets an option, or resets it without a value.
fn set_option(
    context: &mut SessionContext,
    key: &str,
    value: Option<String>,
) -> Result<(), OptionErrorKind> {
    let scope = &mut context.scope;
    match (value, key) {
        // There is one catalog; to unset it changes nothing.
        (None, "catalog") => Ok(()),
        (None, _) => scope.reset(key).map_err(|_| OptionErrorKind::InvalidName),
        (Some(catalog), "catalog") => match catalog.eq_ignore_ascii_case(CATALOG) {
            true => Ok(()),
            false => Err(OptionErrorKind::InvalidValue),
        },
        (Some(value), _) => scope.set(key, &value).map_err(|error| match error {
            mica_sql::Error::UnknownSetting { .. } => OptionErrorKind::InvalidName,
            _ => OptionErrorKind::InvalidValue,
        }),
    }
}

fn text_of(value: Option<SessionOption>) -> Option<String> {
    Some(match value? {
        SessionOption::Text(text) => text,
        SessionOption::Boolean(yes) => yes.to_string(),
        SessionOption::Integer(number) => number.to_string(),
        SessionOption::Double(number) => number.to_string(),
        SessionOption::List(list) => list.values.join(","),
    })
}

fn get_options(session: &Session) -> GetSessionOptionsResult {
    let context = session.context();
    let mut options: HashMap<String, String> = mica_sql::SETTINGS
        .iter()
        .filter_map(|setting| {
            let value = context.scope.show(setting.name).ok()?;
            Some((setting.name.to_owned(), value.to_owned()))
        })
        .collect();
    options.insert("catalog".to_owned(), CATALOG.to_owned());
    let value = |text| SessionOptionValue {
        value: Some(SessionOption::Text(text)),
    };
    GetSessionOptionsResult {
        session_options: options
            .into_iter()
            .map(|(key, text)| (key, value(text)))
            .collect(),
    }
}
