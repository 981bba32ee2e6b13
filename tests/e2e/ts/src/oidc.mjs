// An OpenID Connect provider that nobody of this project wrote, for the tests of sign-in. Whoever types a name is that
// person; the groups are the part of the name after the last dash.
//   node src/oidc.mjs --port PORT --callback URL
import { Provider } from "oidc-provider";

const option = name => process.argv[process.argv.indexOf(`--${name}`) + 1];
const issuer = `http://localhost:${option("port")}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "mlsconsole",
      client_secret: "a secret of the test",
      redirect_uris: [option("callback")],
      response_types: ["code"],
      grant_types: ["authorization_code"],
    },
  ],
  pkce: { required: () => true },
  claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
  conformIdTokenClaims: false,
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: [id.slice(id.lastIndexOf("-") + 1)] }),
  }),
});
provider.listen(Number(option("port")), "127.0.0.1", () => console.log("listens"));
