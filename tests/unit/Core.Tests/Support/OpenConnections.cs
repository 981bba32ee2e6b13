using System.Data;
using System.Data.Common;
using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using MlsConsole.Core.Storage;

namespace MlsConsole.Core.Tests;

/// <summary>Counts the connections that are open to one database, from now on.</summary>
public sealed class OpenConnections
    : IObserver<DiagnosticListener>,
        IObserver<KeyValuePair<string, object?>>,
        IDisposable
{
    private readonly (string, string) _database;
    private readonly List<IDisposable> _subscriptions = [];
    private int _opened;
    private int _count;

    public OpenConnections(Database database)
    {
        using (var context = database.Read())
            _database = NameOf(context.Database.GetDbConnection());
        _subscriptions.Add(DiagnosticListener.AllListeners.Subscribe(this));
    }

    /// <summary>How many were opened at all.</summary>
    public int Opened => Volatile.Read(ref _opened);

    /// <summary>Whether all of them are closed again: now, or in a moment.</summary>
    public async Task<bool> AreClosed()
    {
        for (int i = 0; i < 1000 && Volatile.Read(ref _count) != 0; i++)
            await Task.Delay(10);
        return Volatile.Read(ref _count) == 0;
    }

    public void OnNext(DiagnosticListener value)
    {
        if (value.Name == DbLoggerCategory.Name)
            _subscriptions.Add(value.Subscribe(this!));
    }

    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Value is not ConnectionEventData data || NameOf(data.Connection) != _database)
            return;
        if (value.Key != RelationalEventId.ConnectionOpened.Name)
            return;
        (_, _) = (Interlocked.Increment(ref _count), Interlocked.Increment(ref _opened));
        // EF Core says nothing of those that it closes when a context goes back to its pool.
        data.Connection.StateChange += Changed;
    }

    private void Changed(object sender, StateChangeEventArgs change)
    {
        if (change.CurrentState != ConnectionState.Closed)
            return;
        ((DbConnection)sender).StateChange -= Changed;
        Interlocked.Decrement(ref _count);
    }

    private static (string, string) NameOf(DbConnection connection) => (connection.DataSource, connection.Database);

    public void OnCompleted() { }

    public void OnError(Exception error) { }

    public void Dispose() => _subscriptions.ForEach(subscription => subscription.Dispose());
}
