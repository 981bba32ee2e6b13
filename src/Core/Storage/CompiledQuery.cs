using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore.Metadata;

namespace MlsConsole.Core.Storage;

/// <summary>A query that is translated once for each provider and not looked up again each time it is asked: for those that stand before a rejoin.</summary>
/// <param name="compile">Calls <c>EF.CompileAsyncQuery</c>.</param>
internal sealed class CompiledQuery<TQuery>(Func<TQuery> compile)
{
    // What EF Core compiles is good for one model, and each provider has its own.
    private readonly ConcurrentDictionary<IModel, TQuery> _compiled = new();

    public TQuery For(MlsDbContext context) => _compiled.GetOrAdd(context.Model, _ => compile());
}
