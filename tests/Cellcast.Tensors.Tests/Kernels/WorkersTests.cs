using System.Collections.Concurrent;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class WorkersTests
{
    private readonly struct Count(int[] hits, Workers? nested) : IBlockWork
    {
        public void Run(int block)
        {
            Interlocked.Increment(ref hits[block]);
            nested?.For(3, new Add(hits, block));
        }
    }

    private readonly struct Add(int[] hits, int at) : IBlockWork
    {
        public void Run(int block) => Interlocked.Add(ref hits[at], 10);
    }

    private readonly struct Fail(int at) : IBlockWork
    {
        public void Run(int block)
        {
            if (block == at) throw new InvalidOperationException("block " + block);
        }
    }

    /// <summary>One block that ends only when all others have.</summary>
    private readonly struct LastToFinish(int[] hits, int at) : IBlockWork
    {
        public void Run(int block)
        {
            int[] seen = hits;
            int last = at;
            if (block == at) SpinWait.SpinUntil(() => seen.Where((h, i) => i != last).All(h => h == 1));
            Interlocked.Increment(ref hits[block]);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void What_a_busy_thread_has_not_begun_the_others_do(int threads)
    {
        using var workers = new Workers(threads);
        foreach (int at in new[] { 0, 1, 20, 39 })
        {
            var hits = new int[40];
            workers.For(hits.Length, new LastToFinish(hits, at));
            Assert.All(hits, h => Assert.Equal(1, h));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Every_block_runs_exactly_once(int threads)
    {
        using var workers = new Workers(threads);
        Assert.Equal(threads, workers.Count);
        for (int round = 0; round < 300; round++)
        {
            var hits = new int[round % 40];
            workers.For(hits.Length, new Count(hits, null));
            Assert.All(hits, h => Assert.Equal(1, h));
        }
    }

    [Fact]
    public void Calls_from_inside_a_block_work()
    {
        using var workers = new Workers(3);
        var hits = new int[50];
        workers.For(hits.Length, new Count(hits, workers));
        Assert.All(hits, h => Assert.Equal(31, h));
    }

    [Fact]
    public void Many_threads_may_share_one_set()
    {
        using var workers = new Workers(2);
        var wrong = new ConcurrentBag<int>();
        Parallel.For(0, 40, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var hits = new int[64];
            workers.For(hits.Length, new Count(hits, null));
            if (hits.Any(h => h != 1)) wrong.Add(i);
        });
        Assert.Empty(wrong);
    }

    [Fact]
    public void An_exception_of_a_block_comes_out_and_the_set_stays_usable()
    {
        using var workers = new Workers(2);
        for (int i = 0; i < 20; i++)
            Assert.Equal("block 17", Assert.Throws<InvalidOperationException>(() => workers.For(40, new Fail(17))).Message);
        var hits = new int[9];
        workers.For(9, new Count(hits, null));
        Assert.All(hits, h => Assert.Equal(1, h));
    }

    [Fact]
    public void After_disposal_work_runs_on_the_caller()
    {
        var workers = new Workers(2);
        workers.Dispose();
        workers.Dispose();
        var hits = new int[5];
        workers.For(5, new Count(hits, null));
        Assert.All(hits, h => Assert.Equal(1, h));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Workers(0));
    }
}
