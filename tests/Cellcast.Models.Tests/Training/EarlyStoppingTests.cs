using Cellcast.Models.Training;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Models.Tests.Training;

public class EarlyStoppingTests
{
    [Fact]
    public void A_value_that_never_changes_stops_when_the_window_is_full_and_the_patience_used_up()
    {
        var stopping = new EarlyStopping(patience: 10, window: 10, higherIsBetter: false);
        int epochs = 0;
        while (!stopping.ShouldStop)
        {
            stopping.Observe(1.0);
            epochs++;
        }
        Assert.Equal(20, epochs);
        Assert.Equal(9, stopping.BestEpoch);
    }

    [Fact]
    public void The_running_mean_decides_not_the_single_value()
    {
        var stopping = new EarlyStopping(patience: 3, window: 2, higherIsBetter: true);
        Assert.True(stopping.Observe(0.5));
        Assert.True(stopping.Observe(0.9));
        // The best single value is behind us, but the mean of the last two still rises.
        Assert.True(stopping.Observe(0.8));
        Assert.Equal(0.85, stopping.Best, 12);
        Assert.False(stopping.Observe(0.6));
    }

    [Fact]
    public void A_lucky_early_value_does_not_end_the_stage()
    {
        var stopping = new EarlyStopping(patience: 3, window: 4, higherIsBetter: true);
        foreach (double v in (double[])[0.9, 0.5, 0.5, 0.5]) stopping.Observe(v);
        // Worse than the first value, but the first full mean is what later ones are compared with.
        Assert.Equal(0.6, stopping.Best, 12);
        for (int i = 0; i < 8; i++)
        {
            stopping.Observe(0.7 + 0.01 * i);
            Assert.False(stopping.ShouldStop);
        }
    }

    [Fact]
    public void Every_prefix_can_be_saved_and_continued_with_the_same_decisions() =>
        Prop.ForAll(Gen.Choose(-1000, 1000).Select(v => v / 100.0).ArrayOf(40).ToArbitrary(), Gen.Choose(0, 39).ToArbitrary(), Gen.Elements(true, false).ToArbitrary(), (values, cut, higher) =>
        {
            var whole = new EarlyStopping(5, 4, higher);
            var first = new EarlyStopping(5, 4, higher);
            var decisions = values.Select(whole.Observe).ToArray();
            foreach (double v in values[..cut]) first.Observe(v);
            var second = new EarlyStopping(5, 4, higher);
            second.Restore(first.Save());
            var rest = values[cut..].Select(second.Observe).ToArray();
            return decisions.Skip(cut).SequenceEqual(rest) && second.Best.Equals(whole.Best) && second.ShouldStop == whole.ShouldStop;
        }).CheckOnRandomCases();
}
