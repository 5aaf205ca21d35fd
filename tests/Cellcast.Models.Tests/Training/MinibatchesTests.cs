using Cellcast.Models.Training;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Models.Tests.Training;

public class MinibatchesTests
{
    [Fact]
    public void Every_epoch_uses_every_item_once_in_batches_of_nearly_equal_size() =>
        Prop.ForAll(Gen.Choose(1, 300).ToArbitrary(), Gen.Choose(1, 64).ToArbitrary(), Gen.Choose(0, 5).ToArbitrary(), (items, size, epoch) =>
        {
            int[] all = [.. Enumerable.Range(0, items).Select(i => i * 3)];
            var batches = new Minibatches(all, size, RandomKey.From(1, "test"));
            int[][] dealt = [.. Enumerable.Range(0, batches.Count).Select(i => batches.Batch(epoch, i))];
            return dealt.SelectMany(b => b).Order().SequenceEqual(all)
                && dealt.All(b => b.Length <= size && b.SequenceEqual(b.Order()))
                && dealt.Max(b => b.Length) - dealt.Min(b => b.Length) <= 1;
        }).CheckOnRandomCases();

    [Fact]
    public void The_order_of_an_epoch_does_not_depend_on_the_epochs_before_it()
    {
        int[] items = [.. Enumerable.Range(0, 100)];
        var straight = new Minibatches(items, 10, RandomKey.From(7, "test"));
        for (int e = 0; e < 3; e++) straight.Batch(e, 0);
        var jumped = new Minibatches(items, 10, RandomKey.From(7, "test"));
        Assert.Equal(straight.Batch(3, 4), jumped.Batch(3, 4));
        Assert.NotEqual(jumped.Batch(3, 4), jumped.Batch(4, 4));
    }
}
