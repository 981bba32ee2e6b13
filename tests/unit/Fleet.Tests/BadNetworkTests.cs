using System.Net;

namespace MlsConsole.Fleet;

public sealed class BadNetworkTests
{
    [Fact]
    public async Task Every_mishap_happens_and_a_repeated_request_has_the_same_body_and_a_token_of_its_own()
    {
        var service = new Service();
        var happened = new HashSet<Mishap>();
        int tokens = 0,
            failed = 0;
        using var http = new HttpClient(
            new BadNetwork(
                service,
                new() { IsBad = true },
                new Random(3),
                (_, _, _) => ValueTask.FromResult($"token {++tokens}"),
                "did:web:localhost",
                mishap => happened.Add(mishap)
            )
        );
        const int Calls = 120;
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Calls),
            new ParallelOptions { MaxDegreeOfParallelism = 30 },
            async (i, _) =>
            {
                try
                {
                    using var content = new ByteArrayContent([(byte)i]);
                    using var answer = await http.PostAsync(
                        new Uri("http://service/xrpc/blue.catbird.mls.commit"),
                        content,
                        CancellationToken.None
                    );
                    Assert.Equal(i, (await answer.Content.ReadAsByteArrayAsync(CancellationToken.None))[0]);
                }
                catch (HttpRequestException)
                {
                    Interlocked.Increment(ref failed);
                }
            }
        );
        Assert.Equal(Enum.GetValues<Mishap>().Where(mishap => mishap != Mishap.None), happened.Order());
        var twice = service.Requests.GroupBy(request => request.Body).Where(same => same.Count() == 2).ToList();
        Assert.Equal(tokens, twice.Count);
        Assert.All(twice, same => Assert.Single(same, request => request.Token is not null));
        Assert.InRange(failed, 1, Calls / 2);
        // Some requests were carried out although their answers were lost.
        Assert.True(service.Requests.Select(request => request.Body).Distinct().Count() > Calls - failed);
    }

    [Fact]
    public async Task In_good_weather_nothing_happens()
    {
        using var http = new HttpClient(
            new BadNetwork(
                new Service(),
                new(),
                new Random(3),
                (_, _, _) => throw new InvalidOperationException(),
                "",
                _ => throw new InvalidOperationException()
            )
        );
        for (int i = 0; i < 200; i++)
        {
            using var content = new ByteArrayContent([(byte)i]);
            using var answer = await http.PostAsync(new Uri("http://service/xrpc/blue.catbird.mls.commit"), content);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    /// <summary>Answers with what it was sent.</summary>
    private sealed class Service : HttpMessageHandler
    {
        private readonly List<(byte Body, string? Token)> _requests = [];

        public IReadOnlyList<(byte Body, string? Token)> Requests
        {
            get
            {
                lock (_requests)
                    return [.. _requests];
            }
        }

        protected override async Task<HttpResponseMessage> SendAsync(
            HttpRequestMessage request,
            CancellationToken cancellationToken
        )
        {
            var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
            lock (_requests)
                _requests.Add((body[0], request.Headers.Authorization?.Parameter));
            return new(HttpStatusCode.OK) { Content = new ByteArrayContent(body) };
        }
    }
}
