using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Calls;

/// <summary>Makes changes.</summary>
internal static class Changes
{
    /// <summary>A change that reads and writes in its transaction.</summary>
    public static Change<TAnswer> InTransaction<TAnswer>(Func<MlsDbContext, Task<CallResult<TAnswer>>> work) =>
        new TransactionChange<TAnswer>(work);
}
