using Cellcast.AnnData;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Tests;

/// <summary>Exceptions become exit codes and single sentences.</summary>
public class FailureTests
{
    public static TheoryData<Exception, int> Foreseen() => new()
    {
        { new UsageException("that folder is taken."), 2 },
        { new InputException("'a.h5ad' has no X: give counts."), 3 },
        { new FileNotFoundException("no", "a.h5ad"), 3 },
        { new OutputException("'b' could not be written: the disk is full."), 5 },
        { new OutOfMemoryException(), 5 },
        { new UnauthorizedAccessException("Access to the path '/x' is denied."), 5 },
        { new IOException("No space left on device : '/x'", 28), 5 },
        { new IOException("Read-only file system : '/x'", 30), 5 },
        { new OperationCanceledException(), 130 },
        { new TaskCanceledException(), 130 },
        { new AggregateException(new OperationCanceledException(), new InputException("'a' is empty: give cells.")), 3 },
        { new AggregateException(new OperationCanceledException()), 130 },
        { new InputException("first line\nsecond line"), 3 },
    };

    [Theory]
    [MemberData(nameof(Foreseen))]
    public void A_foreseen_exception_has_its_code_and_one_line(Exception exception, int code)
    {
        var failure = Failure.From(exception);
        Assert.Equal(code, (int)failure.Code);
        Assert.False(failure.IsDefect);
        Assert.DoesNotContain('\n', failure.Sentence);
        Assert.EndsWith(".", failure.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Anything_else_is_a_defect_with_code_1_that_names_its_kind()
    {
        var failure = Failure.From(new InvalidOperationException("impossible"));
        Assert.Equal(1, (int)failure.Code);
        Assert.True(failure.IsDefect);
        Assert.Contains("InvalidOperationException: impossible", failure.Sentence, StringComparison.Ordinal);
    }
}
