using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore.Metadata;

namespace MlsConsole.Core.Storage;

/// <summary>
/// A query that EF Core translates once for each provider, and whose translation is not looked up in EF Core's cache
/// each time that the query is asked. It is for the queries that every rejoin asks.
/// </summary>
/// <param name="compile">Calls <c>EF.CompileAsyncQuery</c> and returns the delegate.</param>
internal sealed class CompiledQuery<TQuery>(Func<TQuery> compile)
{
    // A query that EF Core has compiled is good for one model, and each provider has a model of its own.
    private readonly ConcurrentDictionary<IModel, TQuery> _compiled = new();

    public TQuery For(MlsDbContext context) => _compiled.GetOrAdd(context.Model, _ => compile());
}
