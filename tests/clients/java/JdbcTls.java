import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * Connections over TLS. Arguments: host:port of a server with TLS, and the path of the certificate,
 * PEM, that signs its own.
 */
public final class JdbcTls {
  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:arrow-flight-sql://" + arguments[0] + "/?";
    String trusted = "tlsRootCerts=" + arguments[1];
    works(url + "useEncryption=true&disableCertificateVerification=true");
    works(url + "useEncryption=true&" + trusted);
    // The driver encrypts unless it is told not to.
    works(url + trusted);
    works(url + "useSystemTrustStore=false&" + trusted);
    refused(url + "useEncryption=true", "unable to find valid certification path");
    refused(url + "useEncryption=false", "not SETTINGS");
    System.out.println("ok");
  }

  private static void works(String url) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery("SELECT 1 + 1")) {
      if (!rows.next() || rows.getInt(1) != 2) {
        throw new AssertionError("no 2 through " + url);
      }
    }
  }

  /** The driver connects with the first statement, and tells why not in one of the causes. */
  private static void refused(String url, String reason) throws SQLException {
    try {
      works(url);
    } catch (SQLException error) {
      for (Throwable cause = error; cause != null; cause = cause.getCause()) {
        if (String.valueOf(cause.getMessage()).contains(reason)) {
          return;
        }
      }
      throw error;
    }
    throw new AssertionError("connected through " + url);
  }
}
