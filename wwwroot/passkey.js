// The two ceremonies of a passkey. A form with data-passkey="get" or "create" gets the answer of the authenticator into
// its field Credential and is sent then. Without this script, or without passkeys in the browser, the forms stay hidden.
(() => {
  const supported =
    window.PublicKeyCredential &&
    PublicKeyCredential.parseCreationOptionsFromJSON &&
    PublicKeyCredential.parseRequestOptionsFromJSON;
  const ask = async (kind, form) => {
    const answer = await fetch(`/passkeys/${kind}`, {
      method: "POST",
      body: new URLSearchParams({
        __RequestVerificationToken: form.elements.namedItem("__RequestVerificationToken").value,
      }),
    });
    if (!answer.ok) throw new Error(answer.status === 429 ? "Too many tries; wait a minute." : "It does not work now.");
    const options = await answer.json();
    return kind === "create"
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  };
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!supported) continue;
    form.hidden = false;
    form.addEventListener("submit", async event => {
      const field = form.elements.namedItem("Credential");
      if (field.value) return;
      event.preventDefault();
      const problem = form.querySelector("[role=alert]");
      problem.hidden = true;
      try {
        field.value = JSON.stringify(await ask(form.dataset.passkey, form));
        form.submit();
      } catch (error) {
        problem.textContent =
          error.name === "NotAllowedError" ? "The passkey was not given." : `The passkey did not work: ${error.message}`;
        problem.hidden = false;
      }
    });
  }
})();
