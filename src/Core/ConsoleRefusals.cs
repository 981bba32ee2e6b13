namespace MlsConsole.Core;

/// <summary>What the commands of the console refuse. The error names never change.</summary>
public static class ConsoleRefusals
{
    public const string ForbiddenError = "Forbidden",
        NotFoundError = "NotFound",
        NameTakenError = "NameTaken",
        LastConsoleAdminError = "LastConsoleAdmin",
        PasswordRefusedError = "PasswordRefused",
        LinkInvalidError = "LinkInvalid",
        CodeRefusedError = "CodeRefused";

    public static Refusal NotFound { get; } = new(NotFoundError, "There is no such object.");
    public static Refusal NameTaken { get; } = new(NameTakenError, "Somebody has this name already.");
    public static Refusal LastConsoleAdmin { get; } =
        new(LastConsoleAdminError, "The last admin cannot be removed, disabled or given another role.");
    public static Refusal LinkInvalid { get; } =
        new(LinkInvalidError, "The link was used, has expired or was replaced by a newer one.");
    public static Refusal CodeRefused { get; } = new(CodeRefusedError, "The code is wrong or was used before.");

    /// <summary>The actor's role is lower than the one that the command takes.</summary>
    public static Refusal Forbidden(ConsoleRole least) =>
        new(ForbiddenError, $"This takes the role {least}{(least == ConsoleRole.Admin ? "" : " or a higher one")}.");

    /// <summary>The password cannot be accepted; the message says why, and never has the password.</summary>
    public static Refusal PasswordRefused(string message) => new(PasswordRefusedError, message);
}
