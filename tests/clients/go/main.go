// Mica through arrow-go: database/sql with its Flight SQL driver, then its Flight SQL client.
// Arguments: HOST:PORT of a server of examples/c360, and USER PASSWORD if it wants a login.
//
// Fails by panicking; prints "ok" at the end.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// endless runs for years, gives no row before, and must be stopped.
const endless = "SELECT count(*) FROM range(10000000) a CROSS JOIN range(10000000) b " +
	"WHERE a.value * b.value = 7"

// server is where to connect, and as whom; nobody if user is empty.
type server struct{ address, user, password string }

// dsn is the server's name for database/sql.
func (s server) dsn(parameters string) string {
	name := url.URL{Scheme: "flightsql", Host: s.address, RawQuery: parameters}
	if s.user != "" {
		name.User = url.UserPassword(s.user, s.password)
	}
	return name.String()
}

// client is a new connection, and the context that its calls are made in.
func (s server) client() (*flightsql.Client, context.Context) {
	credentials := grpc.WithTransportCredentials(insecure.NewCredentials())
	client := must(flightsql.NewClient(s.address, nil, nil, credentials))
	if s.user == "" {
		return client, context.Background()
	}
	return client, must(s.login(client))
}

// login shakes hands; arrow-go sends base64 without padding and no message at all.
func (s server) login(client *flightsql.Client) (context.Context, error) {
	return client.Client.AuthenticateBasicToken(context.Background(), s.user, s.password)
}

func main() {
	if len(os.Args) != 2 && len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "arguments: HOST:PORT [USER PASSWORD]")
		os.Exit(2)
	}
	s := server{address: os.Args[1]}
	if len(os.Args) == 4 {
		s.user, s.password = os.Args[2], os.Args[3]
	}
	// A server that does not answer fails the test, rather than to hold it up.
	time.AfterFunc(3*time.Minute, func() { panic("still running after three minutes") })

	databaseSQL(s)
	databaseSQLParameters(s)
	databaseSQLCasts(s)
	databaseSQLCancel(s)
	logins(s)

	client, ctx := s.client()
	names(ctx, client)
	columns(ctx, client)
	keys(ctx, client)
	sqlInfo(ctx, client)
	xdbcTypes(ctx, client)
	statements(ctx, client)
	prepared(ctx, client, s)
	parameterTypes(ctx, client)
	cancelling(ctx, client)
	endpoints(ctx, client)
	check(client.Close())
	sessions(s)
	fmt.Println("ok")
}

// logins tries what must be refused, or must not matter.
func logins(s server) {
	stranger := server{s.address, "mallory", "wrong"}
	client, ctx := server{address: s.address}.client()
	defer client.Close()
	if s.user == "" {
		// An open server asks nobody, and listens to no claim.
		db := open(stranger, "")
		equal(one[int64](db, "SELECT 1"), 1)
		check(db.Close())
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer None")
		equal(fetch(ctx, client, must(client.GetCatalogs(ctx))), rows{{"mica"}})
		return
	}
	db := open(stranger, "")
	refused(db.QueryRow("SELECT 1").Scan(new(int64)), codes.Unauthenticated, "password")
	refused(failure(db.Exec("DROP VIEW IF EXISTS go_view")), codes.Unauthenticated, "password")
	refused(failure(db.Prepare("SELECT 1")), codes.Unauthenticated, "password")
	check(db.Close())
	refused(failure(stranger.login(client)), codes.Unauthenticated, "password")
	refused(failure(client.GetCatalogs(ctx)), codes.Unauthenticated, "")
	refused(failure(client.Prepare(ctx, "SELECT 1")), codes.Unauthenticated, "")
	refused(failure(client.ExecuteUpdate(ctx, "USE default")), codes.Unauthenticated, "")
	bearer := metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer unknown")
	refused(failure(client.GetCatalogs(bearer)), codes.Unauthenticated, "")

	// A ticket is nobody else's.
	known, knownCtx := s.client()
	defer known.Close()
	info := must(known.Execute(knownCtx, "SELECT 1"))
	refused(failure(read(ctx, client, info)), codes.Unauthenticated, "")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// failure is the error of a call that must have one.
func failure[T any](_ T, err error) error { return err }

func equal[T any](got, wanted T) {
	if !reflect.DeepEqual(got, wanted) {
		panic(fmt.Sprintf("got %#v, expected %#v", got, wanted))
	}
}

func holds(condition bool, message string, arguments ...any) {
	if !condition {
		panic(fmt.Sprintf(message, arguments...))
	}
}

// refused holds an error against a gRPC code and a part of its message.
func refused(err error, code codes.Code, part string) {
	if status.Code(err) != code || !strings.Contains(err.Error(), part) {
		panic(fmt.Sprintf("got %v (%v), expected %v: %s", err, status.Code(err), code, part))
	}
}
