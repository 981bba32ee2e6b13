using System.Collections.Frozen;
using System.Reflection;
using Microsoft.AspNetCore.Identity;
using MlsConsole.Core.ConsoleUsers;

namespace MlsConsole.Core.People;

/// <summary>
/// Refuses passwords that are guessed first: those of a list (CommonPasswords.txt), also with digits or signs around
/// them, runs of the keyboard, repetitions, and the person's own name.
/// </summary>
public sealed class CommonPasswords : IPasswordValidator<ConsoleUser>
{
    public const int MinLength = 12,
        MaxLength = 128;

    private static readonly FrozenSet<string> s_words = Read();

    private static readonly string[] s_runs =
    [
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "012345678901234567890123456789",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik",
        "1q2w3e4r5t6y7u8i9o0p",
    ];

    public Task<IdentityResult> ValidateAsync(UserManager<ConsoleUser> manager, ConsoleUser user, string? password) =>
        Task.FromResult(
            ProblemOf(password ?? "", user.UserName ?? "") is { } problem
                ? IdentityResult.Failed(new IdentityError { Code = "CommonPassword", Description = problem })
                : IdentityResult.Success
        );

    /// <returns>Why the password is easy to guess, in a sentence; null if it is not known to be.</returns>
    internal static string? ProblemOf(string password, string userName)
    {
        if (password.Length > MaxLength)
            return $"A password has at most {MaxLength} characters.";
        foreach (string plain in (string[])[Plain(password, readsSigns: true), Plain(password, readsSigns: false)])
        {
            string letters = plain.Trim("0123456789".ToCharArray());
            if (s_words.Contains(plain) || s_words.Contains(letters))
                return "The password is one of those that are guessed first.";
            if (letters.Length == 0 || IsMadeOf(plain, s_runs) || IsMadeOf(letters, s_runs) || IsRepetition(plain))
                return "The password follows a simple pattern.";
            if (userName.Length >= 3 && plain.Replace(Plain(userName), "", StringComparison.Ordinal).Length < 6)
                return "The password is mostly the name.";
        }
        return null;
    }

    /// <summary>Lower case, without signs; or with the letters that some signs stand for.</summary>
    private static string Plain(string text, bool readsSigns = false) =>
        string.Concat(
            text.ToLowerInvariant()
                .Select(c =>
                    (readsSigns, c) switch
                    {
                        (true, '@') => 'a',
                        (true, '$') => 's',
                        (true, '!') => 'i',
                        _ => c,
                    }
                )
                .Where(char.IsLetterOrDigit)
        );

    /// <summary>Whether the text is nothing but long pieces of runs, forwards or backwards.</summary>
    private static bool IsMadeOf(string text, string[] runs)
    {
        int at = 0;
        while (at < text.Length)
        {
            int longest = 0;
            foreach (string run in runs)
            {
                string back = string.Concat(run.Reverse());
                for (int length = longest + 1; at + length <= text.Length; length++)
                {
                    string piece = text.Substring(at, length);
                    if (
                        !run.Contains(piece, StringComparison.Ordinal)
                        && !back.Contains(piece, StringComparison.Ordinal)
                    )
                        break;
                    longest = length;
                }
            }
            if (longest < 4)
                return false;
            at += longest;
        }
        return text.Length > 0;
    }

    private static bool IsRepetition(string text)
    {
        for (int period = 1; period <= Math.Min(6, text.Length / 2); period++)
            if (Enumerable.Range(period, text.Length - period).All(i => text[i] == text[i - period]))
                return true;
        return false;
    }

    private static FrozenSet<string> Read()
    {
        using Stream list = Assembly
            .GetExecutingAssembly()
            .GetManifestResourceStream(typeof(CommonPasswords), "CommonPasswords.txt")!;
        using StreamReader reader = new(list);
        return reader
            .ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Where(line => line[0] != '#')
            .Select(line => Plain(line))
            .ToFrozenSet(StringComparer.Ordinal);
    }
}
